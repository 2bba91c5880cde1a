import type { Principal } from '../accounts/known-accounts.js';
import { ServiceTokensError } from '../errors.js';
import type { QualifiedName } from '../token/token-name.js';
import type { Edit } from './entry-store.js';

/** What happens if the name of an entry exists: an error, or the old or the new entry is used. */
export type IfExists = 'refuse' | 'keep' | 'replace';

/** The result of putting entries: qualified names. */
export interface Put {
  readonly added: readonly string[];
  readonly replaced: readonly string[];
  /** Existing ones that had the same hash or were to be kept. */
  readonly kept: readonly string[];
}

/**
 * Returns an edit that adds all entries or none.
 *
 * @param entries hashes by qualified name
 * @throws TOKEN_EXISTS in the edit, for the first name that exists, if `ifExists` is `refuse`
 */
export function putEntries(entries: ReadonlyMap<QualifiedName, string>, ifExists: IfExists): Edit<Put> {
  return (content) => {
    const put = { added: [] as string[], replaced: [] as string[], kept: [] as string[] };
    const add = new Map<string, string>();
    const found = content.hashesOf(entries.keys());
    for (const [key, hash] of entries) {
      const old = found.get(key);
      if (old === hash || (old !== undefined && ifExists === 'keep')) {
        put.kept.push(key);
        continue;
      }
      if (old !== undefined && ifExists === 'refuse') throw tokenExists(key);
      put[old === undefined ? 'added' : 'replaced'].push(key);
      add.set(key, hash);
    }
    return {
      content: add.size === 0 ? undefined : content.changed({ remove: put.replaced, add }),
      result: put,
    };
  };
}

/** Returns the error for a name that exists. */
export function tokenExists(key: QualifiedName): ServiceTokensError {
  return new ServiceTokensError('TOKEN_EXISTS', `Service token [${key}] already exists`);
}

/** The result of removing entries: qualified names. */
export interface Removal {
  readonly deleted: readonly string[];
  readonly missing: readonly string[];
}

/**
 * Returns an edit that removes every line of some entries.
 *
 * @throws TOKEN_MISSING in the edit, for the first name that does not exist, unless `ignoreMissing` is set
 */
export function removeEntries(
  keys: readonly QualifiedName[],
  { ignoreMissing = false }: { readonly ignoreMissing?: boolean | undefined } = {},
): Edit<Removal> {
  return (content) => {
    const result = { deleted: [] as string[], missing: [] as string[] };
    const found = content.hashesOf(keys);
    for (const key of new Set(keys)) {
      if (found.has(key)) result.deleted.push(key);
      else if (ignoreMissing) result.missing.push(key);
      else throw tokenMissing(key);
    }
    const isUnchanged = result.deleted.length === 0;
    return { content: isUnchanged ? undefined : content.changed({ remove: result.deleted }), result };
  };
}

/**
 * Returns an edit that removes every entry of an account.
 *
 * @throws TOKEN_MISSING in the edit, if there is none, unless `ignoreMissing` is set
 */
export function removeAccount(
  principal: Principal,
  { ignoreMissing = false }: { readonly ignoreMissing?: boolean | undefined } = {},
): Edit<Removal> {
  return (content) => {
    const keys = content.nameList(`${principal}/`) as QualifiedName[];
    if (keys.length > 0 || ignoreMissing) return removeEntries(keys)(content);
    throw new ServiceTokensError('TOKEN_MISSING', `Service account [${principal}] has no token`);
  };
}

/** Returns the error for a name that does not exist. */
export function tokenMissing(key: QualifiedName, hint?: string): ServiceTokensError {
  return new ServiceTokensError('TOKEN_MISSING', `Service token [${key}] does not exist`, { hint });
}
