import { type DurableStore, StoreUnavailableError } from "../store/durable-store";

/** Does work that needs the store as soon as it works: it may fail again between its opening and its first use. */
export async function untilStored<T>(store: DurableStore, work: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof StoreUnavailableError)) throw error;
      await works(store);
    }
  }
}

/** Resolves when the store says that it works. */
function works(store: DurableStore): Promise<void> {
  return new Promise((resolve) => {
    if (store.problem === undefined) return void setImmediate(resolve);
    const end = store.onProblem((problem) => {
      if (problem !== undefined) return;
      end();
      resolve();
    });
  });
}
