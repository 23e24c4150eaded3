/** A take that is about to be written. */
interface Hold {
  /** Of its mark among those of the same receipt and node. */
  readonly number: number;
  /** The mark's text: the hashes, one behind the other. */
  readonly text: string;
  keep(): void;
  release(): void;
}

/**
 * Which records of one receipt one node has taken, by hash. Most receipts are taken whole, once: that take stays one text,
 * twelve bytes a record, until somebody asks for single records.
 */
export class TakeMarks {
  static readonly HASH_LENGTH = 12;
  private texts: string[] = [];
  private hashes: Set<string> | undefined;
  /** Of takes that are being written. */
  private readonly held = new Map<string, number>();
  private nextNumber = 0;

  has(hash: string): boolean {
    if (this.held.has(hash)) return true;
    if (this.texts.length === 0 && !this.hashes) return false;
    return this.known().has(hash);
  }

  /** A mark of an earlier life. */
  remember(number: number, text: string): void {
    this.nextNumber = Math.max(this.nextNumber, number + 1);
    this.texts.push(text);
  }

  /** Nobody else may take these until it is written or given up. */
  hold(hashes: readonly string[]): Hold {
    const text = hashes.join("");
    for (const hash of hashes) this.held.set(hash, (this.held.get(hash) ?? 0) + 1);
    const release = (): void => {
      for (const hash of hashes) {
        const others = this.held.get(hash)! - 1;
        if (others > 0) this.held.set(hash, others);
        else this.held.delete(hash);
      }
    };
    return {
      number: this.nextNumber++,
      text,
      keep: () => {
        this.texts.push(text);
        release();
      },
      release,
    };
  }

  /** The numbers of all marks that may be written. */
  numbers(): number[] {
    return [...Array(this.nextNumber).keys()];
  }

  private known(): Set<string> {
    const hashes = (this.hashes ??= new Set());
    for (const text of this.texts.splice(0))
      for (let at = 0; at < text.length; at += TakeMarks.HASH_LENGTH)
        hashes.add(text.slice(at, at + TakeMarks.HASH_LENGTH));
    return hashes;
  }
}
