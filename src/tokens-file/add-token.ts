import type { Principal } from '../accounts/known-accounts.js';
import type { Algorithm } from '../hash/algorithm.js';
import { hashSecret, type RandomBytes } from '../hash/hasher.js';
import { ServiceToken } from '../token/token.js';
import { qualifiedName, type TokenName } from '../token/token-name.js';
import { type IfExists, tokenExists } from './edits.js';
import type { EntryStore, Updated } from './entry-store.js';
import type { FileContent } from './file-content.js';

/** Which token gets a new secret, if any. */
export interface Decision {
  readonly name: TokenName;
  /** `kept`: the entry of this name is not changed. */
  readonly outcome: 'created' | 'replaced' | 'kept';
}

/** A token to add. */
interface Addition {
  readonly principal: Principal;
  /** Decides by the content of the tokens file, and throws to refuse the addition. */
  readonly decide: (content: FileContent) => Decision | Promise<Decision>;
  /** Chooses how the secret is hashed. It is not called if nothing is hashed. */
  readonly algorithm: () => Algorithm;
  readonly random?: RandomBytes | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Check everything and change nothing. */
  readonly dryRun?: boolean;
  /** Detects in advance that the delivery would fail. */
  readonly requireReady?: () => void;
  /** Hands over the token. If it fails, the entry is as before, and its error is thrown. */
  readonly deliver: (token: ServiceToken, decision: Decision) => void | Promise<void>;
}

/**
 * Adds a token with a new secret, or replaces the secret of one: the only way to add one.
 *
 * The decision is made before hashing and locking, which take time, and again under the lock.
 *
 * @throws as the functions of the addition and EntryStore.update do; the tokens file is then unchanged
 */
export async function addToken(store: EntryStore, addition: Addition): Promise<Updated<Decision>> {
  const { principal, decide, algorithm, random, signal, dryRun = false, requireReady, deliver } = addition;
  const first = await decide(store.read());
  if (first.outcome === 'kept' && !store.isStream) return { result: first };
  const { secret } = ServiceToken.mint(principal, first.name, random);
  let hash = '';
  if (first.outcome !== 'kept') {
    requireReady?.();
    const chosen = algorithm();
    if (!dryRun) hash = await hashSecret(secret, chosen, random);
  }
  return store.update(
    async (content) => {
      const decision = await decide(content);
      if (decision.outcome === 'kept') return { content: undefined, result: decision };
      const key = qualifiedName(principal, decision.name);
      const remove = decision.outcome === 'replaced' ? [key] : [];
      return { content: content.changed({ remove, add: new Map([[key, hash]]) }), result: decision };
    },
    {
      signal,
      dryRun,
      deliver: async (decision) => {
        if (decision.outcome !== 'kept')
          await deliver(new ServiceToken(principal, decision.name, secret), decision);
      },
    },
  );
}

/** Decides to create a token with a name. @throws TOKEN_EXISTS in the decision, if it is `refuse` */
export function decideByName(
  principal: Principal,
  name: TokenName,
  ifExists: IfExists,
): (content: FileContent) => Decision {
  const key = qualifiedName(principal, name);
  return (content) => {
    if (content.hashOf(key) === undefined) return { name, outcome: 'created' };
    if (ifExists === 'refuse') throw tokenExists(key);
    return { name, outcome: ifExists === 'keep' ? 'kept' : 'replaced' };
  };
}
