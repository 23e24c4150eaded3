import type { IncomingMessage } from "node:http";

export interface RequestBody {
  /** Bytes that came. */
  readonly size: number;
  /** The exact bytes; undefined when there were more than the limit. */
  readonly bytes: Buffer | undefined;
}

/**
 * Reads a request to its end. A body over the limit is read but not kept: answered earlier, the sender would see a
 * broken connection and not the answer.
 * @param limit bytes
 * @returns undefined when the client hung up before the end
 */
export function readBody(request: IncomingMessage, limit: number): Promise<RequestBody | undefined> {
  return new Promise((resolve) => {
    let chunks: Buffer[] = [];
    let size = 0;
    request.on("data", (chunk: Buffer) => {
      size += chunk.length;
      if (size <= limit) chunks.push(chunk);
      else chunks = [];
    });
    request.on("end", () => resolve({ size, bytes: size <= limit ? Buffer.concat(chunks) : undefined }));
    request.on("error", () => resolve(undefined));
    request.on("close", () => resolve(undefined)); // no effect after "end"
  });
}
