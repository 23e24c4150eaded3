/** Everything below it is ours, whichever nodes there are. */
export const WEBHOOK_PREFIX = "/bloomreach-engagement";
/** Tells load balancers and the like whether a webhook can be kept now; needs no keys. */
export const READY_PATH = `${WEBHOOK_PREFIX}/ready`;

/** The full address of a webhook. `httpNodeRoot` is Node-RED's setting, "/" by default. */
export function webhookUrl(settings: {
  readonly publicUrl: string;
  readonly httpNodeRoot: string;
  readonly path: string;
}): string {
  return joinUrl(settings.publicUrl, settings.httpNodeRoot, settings.path);
}

/** Joins an origin ("" for none) and parts of a path with single slashes, without one at the end. */
export function joinUrl(base: string, ...paths: readonly string[]): string {
  const segments = paths.flatMap((path) => path.split("/")).filter((segment) => segment !== "");
  return [base.trim().replace(/\/+$/, ""), ...segments].join("/");
}
