/** Lets the event loop turn; what comes after it is another slice of some longer work. */
export type Pause = () => Promise<void>;

const waiting: (() => void)[] = [];

/**
 * Waits for a turn of the event loop that no other slice of work has.
 *
 * Long work on the main thread is done in slices of a few milliseconds. Two works that only waited for the next turn
 * would both run in it, a hundred of them would hold it for a second. So all that wait here stand in one line, and each
 * turn serves one.
 */
export function nextTurn(): Promise<void> {
  return new Promise((resolve) => {
    if (waiting.push(resolve) === 1) setImmediate(serve);
  });
}

/** An immediate that is set in an immediate comes in the next turn. */
function serve(): void {
  waiting.shift()?.();
  if (waiting.length > 0) setImmediate(serve);
}

/** A pause that throws the signal's reason when it was aborted. */
export function turnsUntil(signal: AbortSignal): Pause {
  return async () => {
    await nextTurn();
    signal.throwIfAborted();
  };
}
