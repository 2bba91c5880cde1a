/** Waits for a turn of the event loop between two slices of work. */
export type Pause = () => Promise<void>;

const waiting: (() => void)[] = [];

/**
 * Waits for a turn of the event loop in which no other slice runs.
 *
 * Long work on the main thread is done in slices of a few milliseconds. If a hundred tasks waited for the next turn,
 * all their slices would run in it and block the event loop for a second. So all waiters are in one queue, and each
 * turn serves one.
 */
export function nextTurn(): Promise<void> {
  return new Promise((resolve) => {
    if (waiting.push(resolve) === 1) setImmediate(serve);
  });
}

/** An immediate that is set during an immediate runs in the next turn. */
function serve(): void {
  waiting.shift()?.();
  if (waiting.length > 0) setImmediate(serve);
}

/** A pause that throws the signal's reason once it is aborted. */
export function turnsUntil(signal: AbortSignal): Pause {
  return async () => {
    await nextTurn();
    signal.throwIfAborted();
  };
}
