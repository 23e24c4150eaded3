/**
 * The one form in which paths are compared: without origin, query, doubled or trailing slashes, in lower case (Express,
 * too, ignores case and a trailing slash).
 * @param url what stands in a request line, or a path
 */
export function normalizePath(url: string): string {
  return joinPath(pathOf(url)).toLowerCase();
}

/**
 * The normalized path that a request means when it is spelled in another way: percent-encoded, with dot segments or backslashes
 * (RFC 3986 section 6.2.2). Express knows none of these spellings.
 */
export function meantPath(url: string): string {
  const segments: string[] = [];
  for (const segment of joinPath(decoded(pathOf(url)).replaceAll("\\", "/")).split("/")) {
    if (segment === "..") segments.pop();
    else if (segment !== ".") segments.push(segment);
  }
  return joinPath(...segments).toLowerCase();
}

function pathOf(url: string): string {
  return url.replace(/^[a-z][a-z0-9+.-]*:\/\/[^/?#]*/i, "").replace(/[?#].*$/s, "");
}

/** Without the escapes of plain ASCII; others stay. */
function decoded(path: string): string {
  return path.replace(/%([2-7][0-9a-f])/gi, (_, hex: string) => String.fromCharCode(parseInt(hex, 16)));
}

/** Joins parts of a path with single slashes, without one at the end: `"/api/", "/x/"` is `"/api/x"`. */
export function joinPath(...parts: string[]): string {
  return `/${parts.join("/")}`.replace(/\/{2,}/g, "/").replace(/(.)\/$/, "$1");
}

/** What is wrong with a webhook path, as a sentence; undefined when it can be used. */
export function pathProblem(path: string): string | undefined {
  if (!path.startsWith("/")) return `The path "${path}" must start with a slash: "/${path}".`;
  if (!/^[A-Za-z0-9/._~-]*$/.test(path) || /\/\.{1,2}(\/|$)/.test(path))
    return `The path "${path}" may hold only letters, digits, slashes and - . _ ~ (no spaces, parameters or wildcards).`;
  return undefined;
}
