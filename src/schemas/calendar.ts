/** True for a date of the calendar written `YYYY-MM-DD`, years 0001 to 9999. False for 2023-02-30. */
export function isCalendarDate(text: string): boolean {
  if (!/^\d{4}-\d{2}-\d{2}$/.test(text) || text.startsWith("0000")) return false;
  const time = new Date(`${text}T00:00:00Z`);
  // An impossible day either does not parse or rolls over into the next month.
  return !Number.isNaN(time.getTime()) && time.toISOString().startsWith(text);
}
