// What the paper calls its topics and subtopics.

export const topics = {
  world: "World",
  politics: "Politics",
  business: "Business",
  technology: "Technology",
  science: "Science",
  health: "Health",
  sports: "Sport",
  culture: "Culture",
  travel: "Travel",
  climate: "Climate",
};

const subtopics = { ai: "AI", "public-health": "Public health" };

/** "public-health" to "Public health". */
export const subtopicName = (subtopic) =>
  subtopics[subtopic] ?? subtopic[0].toUpperCase() + subtopic.slice(1).replaceAll("-", " ");
