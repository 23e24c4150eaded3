import { TrackingApi } from "../../../src/bloomreach/tracking-api";
import { ConfigurationError } from "../../../src/delivery/outcome";
import { isSafeAddress } from "../../../src/http/address";
import { sendHttp } from "../../../src/http/http-client";
import { isSimulatorKey } from "../../../src/simulator";
import type { RequestBudget } from "../../../src/throttle/request-budget";
import { BUILT_IN_SIMULATOR, builtInKeys, simulatorUrl } from "./built-in-simulator";
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
  /** It is the built-in simulator. */
  readonly isSimulated: boolean;
  readonly api: TrackingApi;
  readonly budget: RequestBudget;
}

/** The sentence for settings that cannot work, or undefined. Never contains a key. @internal with a table of cases of its own */
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
  if (!isSafeAddress(settings.apiUrl))
    return "The API base URL of the bloomreach account must begin with https://, or the keys could be read on their way.";
  if (!settings.projectToken || !settings.apiKeyId || !settings.apiSecret)
    return "The bloomreach account has no API keys: type the Project token, the API Key ID and the API secret.";
  if (isSimulatorKey(settings.apiKeyId) || isSimulatorKey(settings.apiSecret))
    return "These API keys belong to the built-in simulator: type the keys of your Bloomreach project.";
  return undefined;
}

/** Connects with `settings`. The budget belongs to the account and outlives deploys. */
export function connectBloomreach(settings: TrackingSettings, budget: RequestBudget): BloomreachConnection {
  const problem = trackingProblem(settings);
  const simulated = settings.apiUrl === BUILT_IN_SIMULATOR;
  // The simulator gets its port when it starts, at the first request; until then its address has only a name.
  const apiUrl = simulated ? "http://simulator" : settings.apiUrl;
  // The simulator knows its own keys only: those of a project have no business there.
  const { projectToken, apiKeyId, apiSecret } = simulated ? builtInKeys() : settings;
  const api = new TrackingApi({
    apiUrl,
    projectToken,
    keys: { apiKeyId, apiSecret },
    send: (request) =>
      budget.run(
        async () => {
          if (problem) throw new ConfigurationError(problem);
          return sendHttp(simulated ? { ...request, url: request.url.replace(apiUrl, await simulatorUrl()) } : request);
        },
        request.signal ? { signal: request.signal } : {},
      ),
  });
  return { problem, isSimulated: simulated, api, budget };
}
