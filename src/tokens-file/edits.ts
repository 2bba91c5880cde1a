import type { Principal } from '../accounts/known-accounts.js';
import { ServiceTokensError } from '../errors.js';
import type { QualifiedName } from '../token/token-name.js';
import type { Edit } from './entry-store.js';

/** What happens if the name of an entry exists: an error, or the old or the new entry is used. */
export type IfExists = 'refuse' | 'keep' | 'replace';

/** The result of putting entries: qualified names. */
interface Put {
  readonly added: readonly string[];
  readonly replaced: readonly string[];
  /** Existing ones that had the same hash or were to be kept. */
  readonly kept: readonly string[];
}

/** Adds all entries, given as hashes by qualified name, or none. @throws TOKEN_EXISTS for the first name to refuse */
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
    return { content: content.changed({ remove: put.replaced, add }), result: put };
  };
}

/** The result of removing entries: qualified names. */
export interface Removal {
  readonly deleted: readonly string[];
  readonly missing: readonly string[];
}

/** Removes every line of some entries. @throws TOKEN_MISSING for the first that does not exist, unless that is ignored */
export function removeEntries(keys: readonly QualifiedName[], ignoreMissing = false): Edit<Removal> {
  return (content) => {
    const result = { deleted: [] as string[], missing: [] as string[] };
    const found = content.hashesOf(keys);
    for (const key of new Set(keys)) {
      if (found.has(key)) result.deleted.push(key);
      else if (ignoreMissing) result.missing.push(key);
      else throw tokenMissing(key);
    }
    return { content: content.changed({ remove: result.deleted }), result };
  };
}

/** Removes every entry of an account. @throws TOKEN_MISSING if there is none, unless that is ignored */
export function removeAccount(principal: Principal, ignoreMissing = false): Edit<Removal> {
  return (content) => {
    const keys = content.nameList(`${principal}/`) as QualifiedName[];
    if (keys.length > 0 || ignoreMissing) return removeEntries(keys)(content);
    throw new ServiceTokensError('TOKEN_MISSING', `Service account [${principal}] has no token`);
  };
}

export function tokenExists(key: QualifiedName): ServiceTokensError {
  return new ServiceTokensError('TOKEN_EXISTS', `Service token [${key}] already exists`);
}

export function tokenMissing(key: QualifiedName, hint?: string): ServiceTokensError {
  return new ServiceTokensError('TOKEN_MISSING', `Service token [${key}] does not exist`, { hint });
}
