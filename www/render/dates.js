// Dates as the paper writes them, counted from the time of the edition: a page built twice is the same page.

const day = new Intl.DateTimeFormat("en-GB", { weekday: "long", timeZone: "UTC" });
const full = new Intl.DateTimeFormat("en-GB", {
  weekday: "long",
  day: "numeric",
  month: "long",
  year: "numeric",
  timeZone: "UTC",
});

/** "35 minutes ago", "3 hours ago", "Tuesday". */
export function ago(published, updated) {
  const minutes = Math.round((Date.parse(updated) - Date.parse(published)) / 60_000);
  if (minutes < 60) return minutes === 1 ? "1 minute ago" : `${minutes} minutes ago`;
  const hours = Math.round(minutes / 60);
  if (hours < 24) return hours === 1 ? "1 hour ago" : `${hours} hours ago`;
  return day.format(new Date(published));
}

/** "Thursday 23 April 2026". */
export const longDate = (date) => full.format(new Date(date)).replace(",", "");
