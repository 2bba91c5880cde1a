import { ServiceTokensError } from '../errors.js';
import { nameInSeries, numberIn, seriesOf } from '../token/series.js';
import type { TokenName } from '../token/token-name.js';
import type { TokensText } from './tokens-format.js';

/** What an edit makes of the content of a tokens file. */
export interface Edited<R> {
  /** The new content in parts; undefined leaves the file alone. */
  readonly content: readonly Uint8Array[] | undefined;
  readonly result: R;
}

/** A change of the content of a tokens file, decided by what is in it. It throws what refuses the change. */
export type Edit<R> = (content: TokensText) => Edited<R> | Promise<Edited<R>>;

/** What becomes of an entry whose name is taken: an error, the old one, or the new one. */
export type IfExists = 'refuse' | 'keep' | 'replace';

/** Qualified names, by what became of them. */
export interface Put {
  readonly added: readonly string[];
  readonly replaced: readonly string[];
  /** Those that were there already, with this very hash or because they were to be kept. */
  readonly kept: readonly string[];
}

/**
 * Adds entries, all or none.
 *
 * @param entries hashes by qualified name
 * @throws TOKEN_EXISTS for the first whose name is taken, where that is refused
 */
export function putEntries(entries: ReadonlyMap<string, string>, ifExists: IfExists): Edit<Put> {
  return (content) => {
    const put = { added: [] as string[], replaced: [] as string[], kept: [] as string[] };
    const found = content.hashesOf([...entries.keys()]);
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
    return { content: content.edited(new Set(put.replaced), additions), result: put };
  };
}

/** The error of a name that is taken. */
function tokenExists(key: string): ServiceTokensError {
  return new ServiceTokensError('TOKEN_EXISTS', `Service token [${key}] already exists`);
}

/** Qualified names, by what became of them. */
export interface Removal {
  readonly deleted: readonly string[];
  readonly missing: readonly string[];
}

/**
 * Removes entries, every line of each.
 *
 * @throws TOKEN_MISSING for the first that does not exist, unless that is ignored
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
    return { content: isUnchanged ? undefined : content.edited(new Set(result.deleted), new Map()), result };
  };
}

function tokenMissing(key: string, hint?: string): ServiceTokensError {
  return new ServiceTokensError('TOKEN_MISSING', `Service token [${key}] does not exist`, { hint });
}

/**
 * Adds the next token of a series beside the newest one.
 *
 * @returns the token's name
 * @throws TOKEN_MISSING when there is no token of the series; ROTATION_UNFINISHED when there are several;
 *   INVALID_TOKEN_NAME when the next name would be too long
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
 * Removes every predecessor of the newest token of a series.
 *
 * @returns the newest, and those that were removed; all qualified names
 * @throws TOKEN_MISSING when there is no token of the series
 */
export function finishSeries(
  principal: string,
  name: TokenName,
): Edit<{ readonly newest: string; readonly deleted: readonly string[] }> {
  return (content) => {
    const { members, newest } = membersOf(principal, name, content);
    const deleted = members.filter((member) => member !== newest).map(({ key }) => key);
    const edited = deleted.length === 0 ? undefined : content.edited(new Set(deleted), new Map());
    return { content: edited, result: { newest: newest.key, deleted } };
  };
}

interface Member {
  readonly key: string;
  readonly number: number;
}

/** The tokens of a series, oldest first. */
function membersOf(
  principal: string,
  name: TokenName,
  content: TokensText,
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
