"""Every constant of the simulator, with where it comes from.

Sources: `mind` is the Microsoft News log (aggregates of ../shared/data/mind; the command is in `simulate_check.py`),
`globo` the click log of the G1 portal (../shared/data/README.md). "Calibrated" means: set by hand until the simulated
number stood near the measured one in the table of `simulate_check.py`. No text, identifier or vector of either is here.
"""

from dataclasses import dataclass, fields

SHARES = (
    *("mean_share", "topic_share", "subtopic_share", "theme_share", "strange_subtopic", "strange_topic", "shown_again"),
    *("points_elsewhere", "point_floor", "followers", "whim", "shortest", "notice", "ending", "dwell_missing"),
)
POSITIVE = ("shelf_hours", "server_half_life", "spectrum_decay", "taste_freedom", "point_days", "prior_shows")


@dataclass(frozen=True)
class Parameters:
    """The constants of articles, readers, page and choice. Log-odds are natural logarithms."""

    # Articles: what they are about. Vectors are sums of independent normal parts, then scaled to length one.
    topics: int = 16  # mind has 15
    # Their sizes fall as 1 / rank^this (measured 0.29, 0.17, 0.08, 0.08, 0.06, 0.06, 0.05, ...)
    topic_exponent: float = 0.8
    subtopics: int = 250  # mind has 207 among 6,805 articles, 2 to 35 a topic
    # Sizes within a topic fall as 1 / rank^this; measured: the 50th largest of all has 0.4 %
    subtopic_exponent: float = 1.0
    themes: int = 30  # things reported on again and again (a team, a person, a series), mean number a subtopic
    # Their sizes within a subtopic; calibrated with `theme_share` on the nearest neighbours
    theme_exponent: float = 0.4
    mean_share: float = 0.073  # square of the length of the mean unit vector; measured by cosines across topics
    topic_share: float = 0.15  # variance between topics; this and the next are calibrated on the measured mean cosines
    topic_spread: float = 0.35  # topics differ in how far they stand from the mean: log-normal, measured 0.22 to 0.55
    subtopic_share: float = 0.15  # variance between the subtopics of a topic
    theme_share: float = 0.28  # variance between the themes of a subtopic; calibrated on the nearest neighbours
    # Share of articles filed under another subtopic of their topic, and under another topic, by size; calibrated: the
    # nearest neighbour has the same subtopic in 46 % and the same topic in 72 % of cases.
    strange_subtopic: float = 0.18
    strange_topic: float = 0.12
    spectrum_power: float = 0.2  # eigenvalues within a subtopic fall as k^-power exp(-k / decay), k from 1 to 64
    spectrum_decay: float = 60.0  # measured shares 0.043, 0.033 (k = 4), 0.025 (8), 0.019 (16), 0.014 (32), 0.006 (64)
    group_power: float = 0.5  # the same for means of topics and subtopics, whose spectrum is steeper
    coordinate_tilt: float = 0.45  # log ratio of the variances of the first and the last coordinate: 0.018 to 0.012

    # Articles: how much they are clicked.
    appeal_scale: float = 0.45  # log-odds, the normal part of an article's appeal; calibrated on AUC of popularity
    appeal_tail: float = 0.35  # mean of the exponential part, which makes the few very large stories
    topic_appeal: float = 0.15  # standard deviation of the topics' own level, log-odds
    # Log-odds lost an hour since publication; calibrated on half of clicks within 21.5 h (globo)
    age_decay: float = 0.003
    shelf_hours: float = 108.0  # an article leaves the page after this; globo: 90 % of clicks within 77 h of the first

    # Readers: how often they come.
    activity: float = 0.85  # log-normal spread of sessions a reader; globo: mean 3.25, median 2, variance 14.5
    session_impressions: float = 2.3  # mean pages a session (geometric): 2.85 clicks a session (globo) at 1.2 a page
    session_gap: float = 180.0  # seconds between pages of a session, median, log-normal; calibrated, order of a read
    gap_spread: float = 0.8

    # Readers: what they like, in log-odds of a click on what they look at. Sizes and shares were set with an eye on the
    # reranker that is trained on the log (python/LOG.md): the untrained blend reaches AUC 0.66 on it, between the 0.615
    # of the samples measured here and the 0.67 and 0.69 published of two others.
    topic_taste: float = 1.2  # scale of the taste for topics (Student's t with `taste_freedom`)
    taste_freedom: float = 4.0  # few readers have very strong likings
    liked_subtopics: int = 30  # drawn by size and by the taste for their topic
    subtopic_taste: float = 10.0  # mean of the exponential liking of each
    points: int = 24  # themes a reader follows
    points_elsewhere: float = 0.33  # share of them that lie in any subtopic; the others in those liked
    # Mean liking of something exactly at the point, exponential; calibrated, as are the constants above and the next.
    point_taste: float = 9.0
    point_floor: float = 0.25  # cosine from which likeness to a point counts
    drift: float = 0.4  # radians by which the taste for topics turns in four weeks
    point_days: float = 60.0  # a followed theme fades with this normal width around its time
    followers: float = 0.05  # share of readers who nearly only take what everybody takes
    follower_strength: float = 0.2  # their factor on every taste; the others have mean 1, log-normal
    strength_spread: float = 0.4
    eagerness: float = 0.3  # spread of readers' general level of clicking, log-odds
    whim: float = 0.1  # share of pages on which the tastes do not speak (someone else, another mood)

    # Page.
    pool: int = 200  # articles the server considers at a time
    prior_shows: float = 30.0  # smoothing of the server's click-through, as the crate does it
    server_half_life: float = 54.0  # hours; the server chooses what is on the page by click-through and recency
    exploration: float = 0.7  # noise (Gumbel, log-odds) in what is on a page
    order_noise: float = 0.6  # noise (normal, log-odds) in the order, so that positions are not fixed by counts
    fresh_bonus: float = 0.5  # log-odds for articles nobody has seen, falling with shows / prior_shows
    shortest: float = 0.66  # a page has between this share of `candidates` and all of them
    # The page is scrolled past rank r with (1 + r)^-this (position-based model, Joachims 2017). Calibrated on the
    # spread of click-through among articles, which is 0.93 of its mean in mind.
    examination: float = 0.25
    # Chance that a click ends the visit of the page (dependent click model, Guo 2009); calibrated: of the impressions
    # of mind, which all have a click, 73 % have one and 16 % two.
    ending: float = 0.3
    notice: float = 0.9  # chance to look at an article on the part scrolled

    # Choice.
    # Log-odds of a click on an article of no appeal that is looked at; calibrated on 4 to 8 % of shown
    base: float = -2.7
    again: float = 30.0  # log-odds lost by an article that the reader has clicked lately: it is not opened again
    shown_again: float = 0.02  # chance that a page has such an article at all; mind: 0.25 % of shown are in the history
    remembered: int = 60  # so many clicks: more than a profile keeps

    # Reading time: seconds, log-normal.
    dwell_median: float = 60.0
    dwell_spread: float = 0.9
    dwell_taste: float = 0.05  # log of the factor a unit of taste
    bounce: float = -1.7  # log-odds of a bounce at no taste, falling by 1 a unit of taste
    bounce_median: float = 8.0
    dwell_missing: float = 0.1  # share of clicks of which the time was not told

    def __post_init__(self) -> None:
        for field in fields(self):
            name, value = field.name, getattr(self, field.name)
            low = -20.0 if name in ("base", "bounce") else 1 if isinstance(field.default, int) else 0.0
            high = 1.0 if name in SHARES else 10_000.0
            if not low <= value <= high:
                raise ValueError(f"the parameter {name} is {value}, and must be from {low:g} to {high:g}")
        for name in POSITIVE:
            if getattr(self, name) == 0:
                raise ValueError(f"the parameter {name} must be above 0")
        if self.session_impressions < 1:
            raise ValueError(f"a session has {self.session_impressions} pages in the mean, and must have at least 1")
        if self.subtopics < max(self.topics, self.liked_subtopics):
            raise ValueError(f"{self.subtopics} subtopics are fewer than there are topics or liked ones")
        if self.mean_share + self.topic_share + self.subtopic_share + self.theme_share >= 1:
            raise ValueError("the shares of mean, topic, subtopic and theme leave nothing for the article")
