/** Times as the user reads them, in the language of the browser. @param at Unix ms */

/** How long ago, in words. */
export function age(at) {
  const seconds = Math.max(0, Math.round((Date.now() - at) / 1000));
  const [size, unit] = [
    [86400, "day"],
    [3600, "hour"],
    [60, "minute"],
    [1, "second"],
  ].find(([one]) => seconds >= one) || [1, "second"];
  return new Intl.NumberFormat([], { style: "unit", unit, unitDisplay: "long" }).format(Math.floor(seconds / size));
}

export function clock(at) {
  const time = new Date(at);
  if (time.toDateString() !== new Date().toDateString()) return moment(at);
  return time.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
}

export function moment(at) {
  return new Date(at).toLocaleString();
}
