/** The tokens of a series in a tokens file: `N`, `N_r2`, `N_r3` and so on of one account. */
import { commandLine, type Naming } from '../access/printed-command.js';
import type { Principal } from '../accounts/known-accounts.js';
import { ServiceTokensError } from '../errors.js';
import { firstOfSeries, nameInSeries, numberIn } from '../token/series.js';
import { type QualifiedName, qualifiedName, type TokenName } from '../token/token-name.js';
import type { Decision } from './add-token.js';
import { tokenExists, tokenMissing } from './edits.js';
import type { Edit } from './entry-store.js';
import type { FileContent } from './file-content.js';

interface Member {
  readonly key: QualifiedName;
  readonly name: TokenName;
  readonly number: number;
}

/** The tokens of a series, oldest first. @param name any name of the series */
export function membersOf(principal: Principal, name: TokenName, content: FileContent): Member[] {
  const first = firstOfSeries(name);
  const members = content.nameList(qualifiedName(principal, first)).flatMap((key) => {
    const own = key.slice(principal.length + 1) as TokenName;
    const number = numberIn(first, own);
    return number === undefined ? [] : [{ key: key as QualifiedName, name: own, number }];
  });
  return members.sort((a, b) => a.number - b.number);
}

function newestOf(principal: Principal, name: TokenName, members: readonly Member[]): Member {
  const newest = members.at(-1);
  if (newest !== undefined) return newest;
  const hint = 'Create the first token of the series with the command create.';
  throw tokenMissing(qualifiedName(principal, name), hint);
}

/**
 * Decides to create the next token of a series.
 *
 * @throws TOKEN_MISSING if there is no token of the series; ROTATION_UNFINISHED if there are several;
 *   INVALID_TOKEN_NAME if the next name is too long
 */
export function decideNext(
  principal: Principal,
  name: TokenName,
  content: FileContent,
  naming: Naming,
): Decision {
  const members = membersOf(principal, name, content);
  const newest = newestOf(principal, name, members);
  const next = nameInSeries(firstOfSeries(name), newest.number + 1);
  if (members.length > 1) {
    const fact = `Service token [${newest.key}] has predecessors: the last rotation is not finished`;
    const finish = commandLine(['rotate', members[0]?.key ?? '', '--finish'], naming);
    const undo = commandLine(['delete', newest.key], naming);
    const hint = `If its consumers use [${newest.key}], delete the predecessors: ${finish}; if none of them does, undo the rotation: ${undo}`;
    throw new ServiceTokensError('ROTATION_UNFINISHED', fact, { hint });
  }
  // A number that is too long for a member of the series may be taken.
  const key = qualifiedName(principal, next);
  if (content.hashOf(key) !== undefined) throw tokenExists(key);
  return { name: next, outcome: 'created' };
}

/** Removes every predecessor of the newest token of a series. @throws TOKEN_MISSING if there is no token of the series */
export function finishSeries(
  principal: Principal,
  name: TokenName,
): Edit<{ readonly newest: QualifiedName; readonly deleted: readonly QualifiedName[] }> {
  return (content) => {
    const members = membersOf(principal, name, content);
    const newest = newestOf(principal, name, members);
    const deleted = members.filter((member) => member !== newest).map(({ key }) => key);
    return { content: content.changed({ remove: deleted }), result: { newest: newest.key, deleted } };
  };
}
