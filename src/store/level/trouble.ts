import { existsSync } from "node:fs";

/** A trouble that only a restart with something else installed can end; its message is the sentence for the user. */
export class LastingTrouble extends Error {
  override readonly name = "LastingTrouble";
}

/** Nothing may be kept in this place; the message is the sentence for the user. */
export class UnfitPlace extends Error {
  override readonly name = "UnfitPlace";
}

/** The folder cannot be made, because a link that leads to nothing is in its place. */
export class DanglingLink extends Error {
  override readonly name = "DanglingLink";

  constructor(readonly path: string) {
    super(`${path} is a link to nothing`);
  }
}

/** What Node (a code) and LevelDB (the system's text in the message) say of the same thing. */
const SIGNS = {
  full: /\bENOSPC\b|\bEDQUOT\b|\bEFBIG\b|No space left|quota exceeded|File too large|not enough space/i,
  refused:
    /\bEACCES\b|\bEPERM\b|\bEROFS\b|\bENOENT\b.*mkdir|Permission denied|Read-only file system|not permitted|Access is denied/i,
  noFolder: /\bEEXIST\b|\bENOTDIR\b/,
  locked: /\bLEVEL_LOCKED\b/,
  damage:
    /\bLEVEL_CORRUPTION\b|does not exist \(create_if_missing is false\)|repair found no files|No such file|\.(ldb|sst): Invalid argument|Is a directory/,
  file: /^IO error: (.+(?:CURRENT|MANIFEST-\d+|\d+\.(?:ldb|sst|log))): /m,
};

/** True when the files of the store are damaged; false when they cannot be used for another reason. */
export function isDamage(error: unknown): boolean {
  const text = textOf(error);
  if ([SIGNS.full, SIGNS.refused, SIGNS.noFolder, SIGNS.locked].some((sign) => sign.test(text))) return false;
  if (SIGNS.damage.test(text)) return true;
  // Windows tells a missing file in the language of the user.
  const file = SIGNS.file.exec(text)?.[1];
  return file !== undefined && !existsSync(file);
}

/** What is wrong with the store in `folder` and what to do about it, for the user. */
export function explainTrouble(error: unknown, folder: string): string {
  if (error instanceof LastingTrouble || error instanceof UnfitPlace) return error.message;
  if (error instanceof DanglingLink) {
    return `The folder ${folder} cannot be used, because ${error.path} is a link to a folder that is not there: most likely its disk is not mounted. Mount it, make that folder, or remove the link; no restart is needed.`;
  }
  const text = textOf(error);
  if (SIGNS.full.test(text)) {
    return `The disk of the folder ${folder} is full, so nothing more can be kept safely. Make room on it; no restart is needed.`;
  }
  if (SIGNS.locked.test(text)) {
    return `Another process uses the folder ${folder}: most likely a second Node-RED with the same user directory, or the same place for its queues. Stop one of them or give it a place of its own.`;
  }
  if (SIGNS.refused.test(text)) {
    return `The folder ${folder} cannot be written: it is read-only or belongs to another user. Allow the user that runs Node-RED to write there; no restart is needed.`;
  }
  if (SIGNS.noFolder.test(text)) {
    return `${folder} must be a folder, but a file is in its place. Move that file away; no restart is needed.`;
  }
  if (isDamage(error)) {
    return `The store in the folder ${folder} is damaged (${lastLine(error)}). What can be read is being rescued; check the disk.`;
  }
  return `The store in the folder ${folder} cannot be used (${lastLine(error)}). Check the disk; it is tried again by itself.`;
}

/** Codes and messages of an error and of what caused it, a line each. */
function textOf(error: unknown): string {
  const lines: string[] = [];
  for (let at = error; at instanceof Error; at = at.cause)
    lines.push((at as NodeJS.ErrnoException).code ?? "", at.message);
  return lines.join("\n");
}

function lastLine(error: unknown): string {
  return textOf(error).split("\n").at(-1) ?? "";
}
