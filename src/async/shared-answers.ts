/** How an answer is asked for. */
export interface Asking {
  /** How long an answer may be used again, ms; 0 shares only the call. */
  readonly keepMs: number;
  /** Somebody waits: such a question does not wait for the answer to one that is in no hurry. */
  readonly urgent: boolean;
  readonly signal: AbortSignal;
}

interface Running<Answer> {
  readonly answer: Promise<Answer>;
  readonly signal: AbortSignal;
}

/** So many answers are kept; the oldest give way. */
const MOST_ANSWERS = 10_000;

/**
 * Answers that are used again for some time; equal questions at one moment share one call. Failures are not kept, and who
 * gives up a shared call does so for nobody else.
 */
export class SharedAnswers<Answer> {
  private readonly kept = new Map<string, { readonly answer: Answer; readonly at: number }>();
  private readonly running = new Map<string, Running<Answer>>();

  /** The answer to the question `key`. @throws what `load` throws */
  async get(key: string, asking: Asking, load: () => Promise<Answer>): Promise<Answer> {
    const { keepMs, urgent, signal } = asking;
    const known = this.kept.get(key);
    if (known && Date.now() - known.at < keepMs) return known.answer;
    const name = `${urgent} ${key}`;
    const running = this.running.get(name);
    if (!running) return this.start(name, key, asking, load);
    try {
      return await running.answer;
    } catch (error) {
      // Whoever asked first gave up: that is no answer to the others.
      if (running.signal.aborted && !signal.aborted) return this.get(key, asking, load);
      throw error;
    }
  }

  private async start(
    name: string,
    key: string,
    { keepMs, signal }: Asking,
    load: () => Promise<Answer>,
  ): Promise<Answer> {
    const answer = load().finally(() => this.running.delete(name));
    this.running.set(name, { answer, signal });
    if (keepMs > 0) this.keep(key, await answer);
    return answer;
  }

  private keep(key: string, answer: Answer): void {
    this.kept.delete(key);
    this.kept.set(key, { answer, at: Date.now() });
    if (this.kept.size <= MOST_ANSWERS) return;
    const [oldest] = this.kept.keys();
    this.kept.delete(oldest!);
  }
}
