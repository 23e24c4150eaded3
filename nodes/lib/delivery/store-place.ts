import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { NodeAPI } from "node-red";
import { type Disk, diskOf } from "../../../src/store/level/disk-kind";
import { COPIED, moveContents } from "../../../src/store/level/folder-move";
import { KEPT_WORK } from "../../../src/store/key-value/key-value-store";
import { holdsAny, isStore } from "../../../src/store/level/look";
import { PRIVATE_FILE, PRIVATE_FOLDER } from "../../../src/store/level/private";
import { realPath } from "../../../src/store/level/real-path";
import { processOwned } from "../runtime/process-owned";
import {
  chooseStore,
  NETWORK_SETTING,
  NETWORK_VARIABLE,
  STORE_SETTING,
  STORE_VARIABLE,
  type StoreChoice,
} from "./store-choice";

const QUEUE = "queue";
/** What is left of it while it moves to another disk (folder-move.ts). */
const MOVED = `${QUEUE}${COPIED}`;
/** In the usual place: the places that a user named once, because what is in there must not be forgotten. */
const NAMED_PLACES = "places.json";

type Tell = (level: "info" | "warn" | "error", sentence: string) => void;

/** What people read of the place. */
export interface PlaceReport {
  readonly folder: string;
  /** Missing where the system does not tell. */
  readonly fileSystem?: string;
  /** A sentence, when what is accepted can be lost there, and what to do. */
  readonly warning?: string;
}

/** The folder of this process in which is kept what was accepted, and what is known of its disk. */
export class StorePlace {
  /** Holds the queue and what belongs to it. */
  readonly folder: string;

  /**
   * Moves what lies where the default was before. Nothing else is touched.
   * @param readMounts text of `/proc/self/mountinfo`; undefined where there is none
   */
  constructor(
    private readonly choice: StoreChoice,
    private readonly tell: Tell,
    private readonly readMounts: () => string | undefined = mountinfo,
  ) {
    this.folder = this.moved() ? choice.folder : choice.defaults[0]!;
    // Release 0.1.0 let every user of the machine look into its folder; a folder that the user named is theirs.
    if (!choice.isNamed) quietly(() => chmodSync(this.folder, PRIVATE_FOLDER));
  }

  /** The folder of the store itself. */
  get queue(): string {
    return join(this.folder, QUEUE);
  }

  get pathsFile(): string {
    return join(this.folder, "paths.json");
  }

  /** Whether somebody has to hear of this place although nothing lies there yet. */
  get isRefused(): boolean {
    return this.unfit() !== undefined;
  }

  /** Why nothing may be kept here now, as a sentence. */
  unfit(): string | undefined {
    if (this.choice.problem !== undefined) return this.choice.problem;
    const disk = this.disk(this.folder);
    if (disk?.kind !== "network" || this.choice.allowsNetworkDisk) return undefined;
    return `The folder ${this.folder} lies on a network disk (${disk.fileSystem}), where a database can be damaged and two Node-REDs can write at once, so nothing is kept there and webhooks get 500. Name a folder on a disk of this machine, or on a block volume that is mounted here alone, by the environment variable ${STORE_VARIABLE} or by ${STORE_SETTING} in settings.js, and restart Node-RED. To use the network disk all the same, set ${NETWORK_VARIABLE}=true (or ${NETWORK_SETTING}: true) and restart.`;
  }

  report(): PlaceReport {
    const disk = this.disk(this.folder);
    const warning = disk && warningOf(this.folder, disk);
    return {
      folder: this.folder,
      ...(disk && { fileSystem: disk.fileSystem }),
      ...(warning !== undefined && { warning }),
    };
  }

  /** Tells the place, its disk, and what was left behind in other places. */
  async tellAll(): Promise<void> {
    if (this.unfit() === undefined) {
      const { folder, fileSystem, warning } = this.report();
      const disk = fileSystem === undefined ? "" : ` (file system ${fileSystem})`;
      this.tell("info", `What is accepted and not yet delivered is kept in ${folder}${disk}.`);
      if (warning !== undefined) this.tell("warn", warning);
    }
    for (const folder of this.otherPlaces()) {
      const queue = join(folder, QUEUE);
      if (!isStore(queue) || !(await holdsAny(queue, KEPT_WORK))) continue;
      this.tell(
        "error",
        `Records wait, or have failed and are kept, in the folder ${folder}, which is not used any more, so nothing delivers them: now ${this.folder} is used. To deliver them, set ${STORE_VARIABLE}=${folder}, restart Node-RED, wait until the sidebar shows that nothing waits, and set it back. Or, if nothing is in ${this.queue} yet: stop Node-RED, move ${queue} to ${this.queue}, and start it. If nobody needs them, delete ${folder}.`,
      );
    }
    this.noteNamed();
  }

  /** False when what lies in the place of before could not be moved, and is used there. */
  private moved(): boolean {
    const { choice } = this;
    const [before] = choice.defaults;
    if (!choice.hasMoved || before === undefined || realPath(before) === realPath(choice.folder)) return true;
    const isHalfway = existsSync(join(before, MOVED));
    const isThere = isStore(join(choice.folder, QUEUE));
    if (this.isUnfit(choice.folder) || !hasStore(before) || (isThere && !isHalfway)) return true;
    try {
      moveContents(before, choice.folder);
      this.tell(
        "warn",
        `The queues were moved from ${before} to ${choice.folder}, which survives a restart on FlowFuse.`,
      );
      return true;
    } catch (error) {
      this.tell(
        "error",
        `The queues could not be moved from ${before} to ${choice.folder} (${(error as Error).message}), so they are used where they are. On FlowFuse that folder is lost with the next restart of the instance: make room in ${choice.folder}, let Node-RED write there, and restart Node-RED only.`,
      );
      return false;
    }
  }

  private isUnfit(folder: string): boolean {
    return this.disk(folder)?.kind === "network" && !this.choice.allowsNetworkDisk;
  }

  private disk(folder: string): Disk | undefined {
    const text = this.readMounts();
    return text === undefined ? undefined : diskOf(realPath(join(folder, QUEUE)), text);
  }

  /** All places where records may have been left. */
  private otherPlaces(): string[] {
    const here = realPath(this.folder);
    return [...new Set([this.choice.folder, ...this.choice.defaults, ...this.namedPlaces()])].filter(
      (folder) => realPath(folder) !== here,
    );
  }

  private get noteFile(): string {
    return join(this.choice.usual, NAMED_PLACES);
  }

  private namedPlaces(): string[] {
    try {
      const named = JSON.parse(readFileSync(this.noteFile, "utf8")) as unknown;
      return Array.isArray(named) ? named.filter((each) => typeof each === "string") : [];
    } catch {
      return [];
    }
  }

  private noteNamed(): void {
    const named = this.namedPlaces();
    const now = named.filter((folder) => hasStore(folder));
    if (this.choice.isNamed && !now.includes(this.folder)) now.push(this.folder);
    if (JSON.stringify(now) === JSON.stringify(named)) return;
    quietly(() => {
      mkdirSync(dirname(this.noteFile), { recursive: true, mode: PRIVATE_FOLDER });
      writeFileSync(this.noteFile, JSON.stringify(now), { mode: PRIVATE_FILE });
    });
  }
}

/** The place of this process: found once, with the folder that the settings name now. */
export function storePlace(RED: NodeAPI): StorePlace {
  const choice = chooseStore({
    environment: process.env,
    settings: RED.settings as unknown as Record<string, unknown>,
    workingDirectory: process.cwd(),
  });
  const places = processOwned<StorePlace>("store-places");
  const key = JSON.stringify(choice);
  const place = places.get(key) ?? new StorePlace(choice, (level, sentence) => RED.log[level](sentence));
  places.set(key, place);
  return place;
}

function warningOf(folder: string, { kind, fileSystem }: Disk): string | undefined {
  const volume = `Mount a volume that lasts, name a folder on it by the environment variable ${STORE_VARIABLE} or by ${STORE_SETTING} in settings.js, and restart Node-RED.`;
  switch (kind) {
    case "container-layer":
      return `The folder ${folder} lies in the container's own layer (${fileSystem}): what is accepted is lost when the container is replaced. ${volume}`;
    case "memory":
      return `The folder ${folder} lies in memory (${fileSystem}): what is accepted is lost when the machine or the container restarts. ${volume}`;
    case "network":
      return `The folder ${folder} lies on a network disk (${fileSystem}), as you allowed: what is accepted can be lost or damaged there, and only one Node-RED may use it. A disk of this machine is safer.`;
    case "lasting":
      return undefined;
  }
}

/** Whether a store lies in a folder, or is half-way out of it. */
function hasStore(folder: string): boolean {
  return isStore(join(folder, QUEUE)) || existsSync(join(folder, MOVED));
}

function mountinfo(): string | undefined {
  try {
    return readFileSync("/proc/self/mountinfo", "utf8");
  } catch {
    return undefined; // not Linux
  }
}

function quietly(work: () => void): void {
  try {
    work();
  } catch {
    // Not there yet, or of another user.
  }
}
