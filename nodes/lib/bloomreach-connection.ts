import { TrackingApi } from "../../src/bloomreach/tracking-api";
import { ConfigurationError } from "../../src/delivery/outcome";
import { sendHttp } from "../../src/http/http-client";
import { SIMULATOR_BLOOMREACH_KEYS } from "../../src/simulator";
import type { RequestBudget } from "../../src/throttle/request-budget";
import { BUILT_IN_SIMULATOR, simulatorUrl } from "./built-in-simulator";
import { unsetVariable } from "./environment";

/** What a user set for Bloomreach's API in a bloomreach account, `${ENV}` replaced. */
export interface TrackingSettings {
  readonly apiUrl: string;
  readonly projectToken: string;
  readonly apiKeyId: string;
  readonly apiSecret: string;
}

/** A way into one Bloomreach project, or the sentence that says why there is none. */
export interface BloomreachConnection {
  readonly problem: string | undefined;
  readonly api: TrackingApi;
  readonly budget: RequestBudget;
}

/** The sentence for settings that cannot work, or undefined. Never contains a key. */
export function trackingProblem(settings: TrackingSettings): string | undefined {
  const unset = unsetVariable({
    "API base URL": settings.apiUrl,
    "Project token": settings.projectToken,
    "API Key ID": settings.apiKeyId,
    "API secret": settings.apiSecret,
  });
  if (unset) return unset;
  if (settings.apiUrl === BUILT_IN_SIMULATOR) return undefined;
  if (!/^https?:\/\/[^\s/]+/.test(settings.apiUrl))
    return "The bloomreach account has no API base URL: type the one that Bloomreach shows under Project settings > Access management > API.";
  if (!settings.projectToken || !settings.apiKeyId || !settings.apiSecret)
    return "The bloomreach account has no API keys: type the Project token, the API Key ID and the API secret.";
  if (
    settings.apiKeyId === SIMULATOR_BLOOMREACH_KEYS.apiKeyId ||
    settings.apiSecret === SIMULATOR_BLOOMREACH_KEYS.apiSecret
  )
    return "These API keys belong to the built-in simulator: type the keys of your Bloomreach project.";
  return undefined;
}

/** Connects with `settings`. The budget belongs to the account and outlives deploys. */
export function connectBloomreach(settings: TrackingSettings, budget: RequestBudget): BloomreachConnection {
  const problem = trackingProblem(settings);
  const simulated = settings.apiUrl === BUILT_IN_SIMULATOR;
  // The simulator gets its port when it starts, at the first request; until then its address has only a name.
  const apiUrl = simulated ? "http://simulator" : settings.apiUrl;
  const own = (typed: string, simulators: string): string => typed || (simulated ? simulators : "");
  const api = new TrackingApi({
    apiUrl,
    projectToken: own(settings.projectToken, SIMULATOR_BLOOMREACH_KEYS.projectToken),
    keys: {
      apiKeyId: own(settings.apiKeyId, SIMULATOR_BLOOMREACH_KEYS.apiKeyId),
      apiSecret: own(settings.apiSecret, SIMULATOR_BLOOMREACH_KEYS.apiSecret),
    },
    send: (request) =>
      budget.run(
        async () => {
          if (problem) throw new ConfigurationError(problem);
          return sendHttp(simulated ? { ...request, url: request.url.replace(apiUrl, await simulatorUrl()) } : request);
        },
        request.signal ? { signal: request.signal } : {},
      ),
  });
  return { problem, api, budget };
}
