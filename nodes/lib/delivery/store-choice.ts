import { isAbsolute, join } from "node:path";
import { isJsonObject, type JsonObject } from "../../../src/json";

/** The environment variable and the key in settings.js that name the store. */
export const STORE_VARIABLE = "BLOOMREACH_VOUCHERIFY_STORE";
export const STORE_SETTING = "bloomreachVoucherify.store";
export const NETWORK_VARIABLE = "BLOOMREACH_VOUCHERIFY_ALLOW_NETWORK_DISK";
export const NETWORK_SETTING = "bloomreachVoucherify.allowNetworkDisk";

/** Where in a folder of Node-RED the store lies when nobody names a place. */
const OWN_FOLDER = "bloomreach-voucherify";

/** What the choice depends on. */
export interface StoreHints {
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** What settings.js holds. */
  readonly settings: Readonly<Record<string, unknown>>;
  /** Node-RED's working directory. */
  readonly workingDirectory: string;
}

/** Where what was accepted is kept. */
export interface StoreChoice {
  /** Holds the queue and what belongs to it. */
  readonly folder: string;
  /** Whether the user has named it. */
  readonly isNamed: boolean;
  /** Where it lies when nobody names a place. */
  readonly usual: string;
  /** Where it lay, or would lie, by default: what is in there must not be forgotten. Without the folder itself. */
  readonly defaults: readonly string[];
  /** Its default has moved away from the first of `defaults`. */
  readonly hasMoved: boolean;
  readonly allowsNetworkDisk: boolean;
  /** Why nothing can be kept, as a sentence, when what the user named cannot be used; the folder is the default then. */
  readonly problem?: string;
}

/**
 * The environment variable counts, else settings.js, else a default: Node-RED's user directory, on FlowFuse its working
 * directory, because only that one survives a restart there.
 */
export function chooseStore({ environment, settings, workingDirectory }: StoreHints): StoreChoice {
  const { store, allowNetworkDisk } = ourSettings(settings);
  const userDir = typeof settings.userDir === "string" ? settings.userDir : workingDirectory;
  const inUserDir = join(userDir, OWN_FOLDER);
  const inWorkingDirectory = join(workingDirectory, OWN_FOLDER);
  const isFlowFuse = settings.flowforge !== undefined;
  const usual = isFlowFuse ? inWorkingDirectory : inUserDir;
  const variable = environment[NETWORK_VARIABLE]?.trim().toLowerCase();
  const allowsNetworkDisk = variable ? variable === "true" || variable === "1" : allowNetworkDisk === true;

  const [named, by] = environment[STORE_VARIABLE]?.trim()
    ? [environment[STORE_VARIABLE], `the environment variable ${STORE_VARIABLE}`]
    : [store, `${STORE_SETTING} in settings.js`];
  const problem = problemOf(named, by);
  const isNamed = problem === undefined && typeof named === "string" && named.trim() !== "";
  const folder = isNamed ? join(named.trim()) : usual;
  const defaults = [...new Set([inUserDir, usual])].filter((each) => each !== folder);
  return {
    folder,
    isNamed,
    usual,
    defaults,
    hasMoved: !isNamed && problem === undefined && defaults.length > 0,
    allowsNetworkDisk,
    ...(problem !== undefined && { problem }),
  };
}

function ourSettings(settings: Readonly<Record<string, unknown>>): JsonObject {
  const { bloomreachVoucherify } = settings;
  return isJsonObject(bloomreachVoucherify) ? bloomreachVoucherify : {};
}

/** What is wrong with a named place. It is not repeated: an address can hold a password. */
function problemOf(named: unknown, by: string): string | undefined {
  const nothing = "Until then nothing is kept, and webhooks get 500.";
  if (named === undefined || named === null) return undefined;
  if (typeof named !== "string")
    return `The place of the queues (${by}) must be the path of a folder, as text. Correct it and restart Node-RED. ${nothing}`;
  const place = named.trim();
  if (/^postgres(ql)?:\/\//i.test(place))
    return `The place of the queues (${by}) is a PostgreSQL address, which this release cannot use yet. Name a folder on a lasting disk instead and restart Node-RED. ${nothing}`;
  if (place === "" || isAbsolute(place)) return undefined;
  return `The place of the queues (${by}) must be the whole path of a folder, for example /data/queue. Correct it and restart Node-RED. ${nothing}`;
}
