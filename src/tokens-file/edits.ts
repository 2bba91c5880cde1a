import { ServiceTokensError } from '../errors.js';
import { nameInSeries, numberIn, seriesOf } from '../token/series.js';
import type { TokenName } from '../token/token-name.js';
import type { FileContent } from './file-content.js';

/** The result of an edit of a tokens file. */
export interface Edited<R> {
  /** The new content in parts; undefined if the file does not change. */
  readonly content: readonly Uint8Array[] | undefined;
  readonly result: R;
}

/** A change of a tokens file that depends on its content. It throws an error to refuse the change. */
export type Edit<R> = (content: FileContent) => Edited<R> | Promise<Edited<R>>;

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
export function putEntries(entries: ReadonlyMap<string, string>, ifExists: IfExists): Edit<Put> {
  return (content) => {
    const put = { added: [] as string[], replaced: [] as string[], kept: [] as string[] };
    const found = content.hashesOf(entries.keys());
    for (const [key, hash] of entries) {
      const old = found.get(key);
      if (old === undefined) put.added.push(key);
      else if (old === hash || ifExists === 'keep') put.kept.push(key);
      else if (ifExists === 'replace') put.replaced.push(key);
      else throw tokenExists(key);
    }
    const written = [...put.added, ...put.replaced];
    if (written.length === 0) return { content: undefined, result: put };
    const additions = new Map(written.map((key) => [key, entries.get(key) ?? '']));
    return { content: content.changed({ remove: put.replaced, add: additions }), result: put };
  };
}

/** Returns the error for a name that exists. */
function tokenExists(key: string): ServiceTokensError {
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
 * @param keys qualified names
 * @throws TOKEN_MISSING in the edit, for the first name that does not exist, unless `ignoreMissing` is set
 */
export function removeEntries(
  keys: readonly string[],
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
  principal: string,
  { ignoreMissing = false }: { readonly ignoreMissing?: boolean | undefined } = {},
): Edit<Removal> {
  return (content) => {
    const keys = [...content.names(`${principal}/`)].flatMap((names) => names.split('\n').slice(0, -1));
    if (keys.length > 0 || ignoreMissing) return removeEntries(keys)(content);
    throw new ServiceTokensError('TOKEN_MISSING', `Service account [${principal}] has no token`);
  };
}

function tokenMissing(key: string, hint?: string): ServiceTokensError {
  return new ServiceTokensError('TOKEN_MISSING', `Service token [${key}] does not exist`, { hint });
}

/**
 * Returns an edit that adds the next token of a series and results in its name.
 *
 * @throws in the edit: TOKEN_MISSING if there is no token of the series; ROTATION_UNFINISHED if there are several;
 *   INVALID_TOKEN_NAME if the next name is too long
 */
export function addNextOfSeries(principal: string, name: TokenName, hash: string): Edit<TokenName> {
  return async (content) => {
    const { members, newest } = membersOf(principal, name, content);
    const next = nameInSeries(seriesOf(name), newest.number + 1);
    if (members.length > 1) throw unfinished(principal, name, newest.key);
    // A number that is too long for a member of the series may be taken.
    const { content: edited } = await putEntries(
      new Map([[`${principal}/${next}`, hash]]),
      'refuse',
    )(content);
    return { content: edited, result: next };
  };
}

/**
 * Returns an edit that removes every predecessor of the newest token of a series. It results in the qualified names of
 * the newest token and of those removed.
 *
 * @throws TOKEN_MISSING in the edit, if there is no token of the series
 */
export function finishSeries(
  principal: string,
  name: TokenName,
): Edit<{ readonly newest: string; readonly deleted: readonly string[] }> {
  return (content) => {
    const { members, newest } = membersOf(principal, name, content);
    const deleted = members.filter((member) => member !== newest).map(({ key }) => key);
    const edited = deleted.length === 0 ? undefined : content.changed({ remove: deleted });
    return { content: edited, result: { newest: newest.key, deleted } };
  };
}

interface Member {
  readonly key: string;
  readonly number: number;
}

/** Returns the tokens of a series, oldest first. */
function membersOf(
  principal: string,
  name: TokenName,
  content: FileContent,
): { members: readonly Member[]; newest: Member } {
  const series = seriesOf(name);
  const prefix = `${principal}/`;
  const members: Member[] = [];
  for (const names of content.names(`${prefix}${series.base}`)) {
    for (const key of names.split('\n').slice(0, -1)) {
      const number = numberIn(series, key.slice(prefix.length));
      if (number !== undefined) members.push({ key, number });
    }
  }
  members.sort((a, b) => a.number - b.number);
  const newest = members.at(-1);
  if (newest !== undefined) return { members, newest };
  throw tokenMissing(`${prefix}${name}`, 'Create the first token of the series with the command create.');
}

function unfinished(principal: string, name: string, newest: string): ServiceTokensError {
  return new ServiceTokensError(
    'ROTATION_UNFINISHED',
    `Service token [${newest}] has predecessors: the last rotation is not finished`,
    {
      hint: `Delete them: elasticsearch-service-tokens rotate ${principal}/${name} --finish; or undo the rotation: elasticsearch-service-tokens delete ${newest}`,
    },
  );
}
