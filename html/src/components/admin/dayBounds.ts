/** Moments at which a day of the browser's time zone begins and ends, as the server takes them; empty stays empty. */
export function dayStart(date: string): string {
  return date ? new Date(`${date}T00:00:00`).toISOString() : '';
}

export function dayEnd(date: string): string {
  if (!date) return '';
  const day = new Date(`${date}T00:00:00`);
  day.setDate(day.getDate() + 1);
  return day.toISOString();
}
