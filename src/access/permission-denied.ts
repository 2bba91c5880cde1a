/** What "permission denied" means: whose the file or directory is, its mode, who asked, and the way out. */
import { basename } from 'node:path';
import type { Attributes } from '../disk/atomic-file.js';
import { type FileSystem, ignoreFailure } from '../disk/file-system.js';
import { deniedError, isUnexplained, whoMay } from './denied-error.js';
import { chooseIdentity, findOtherServer, type Identity } from './identity.js';
import { type Naming, quote } from './printed-command.js';
import { checkFixCommand } from './repair-command.js';
import type { ResolvedPath } from './resolved-path.js';
import { ENTER, findServer, may, READ } from './server-access.js';
import { userName } from './system-accounts.js';

export interface Asker {
  /** The user and groups whose permissions counted. */
  readonly as: Identity;
  /** Of a command: how it found the file. */
  readonly command?: { readonly configDir: string; readonly naming: Naming } | undefined;
}

interface Refused extends Attributes {
  readonly isFile: boolean;
  /** The subject of a sentence. */
  readonly what: string;
}

const WRITE = 0o2;

/** Explains a failure with EACCES; any other error, or one about another file, stays as it is. @param fs as the caller */
export function explainDenied(error: unknown, resolved: ResolvedPath, asker: Asker, fs: FileSystem): unknown {
  if (!isUnexplained(error)) return error;
  const isAbout = resolved.linkChain.some((path) => error.message.includes(`[${path}]`));
  const refused = isAbout ? findRefused(resolved, asker, fs) : undefined;
  if (refused === undefined) return error;
  return deniedError(error, refused, asker.as.uid, hintFor(refused, resolved, asker, fs), fs);
}

/** The first thing on the path that refuses what the asker needs. Root opens the directory before it acts as a user. */
function findRefused(
  { directories, directory, target }: ResolvedPath,
  { as }: Asker,
  fs: FileSystem,
): Refused | undefined {
  const passed =
    as.uid === fs.geteuid() ? directories : directories.filter(({ path }) => path === directory?.path);
  const closed = passed.find((each) => !may(as, each, ENTER));
  if (closed !== undefined) return { ...closed, isFile: false, what: `[${closed.path}]` };
  const stat = ignoreFailure(() => fs.lstatSync(target));
  const file = stat && { uid: stat.uid, gid: stat.gid, mode: stat.mode & 0o7777, isFile: true, what: 'it' };
  if (file && !may(as, file, READ)) return file;
  if (directory !== undefined && !may(as, directory, WRITE))
    return { ...directory, isFile: false, what: 'its directory' };
  return file && !may(as, file, WRITE) ? file : undefined;
}

function hintFor(refused: Refused, resolved: ResolvedPath, asker: Asker, fs: FileSystem): string {
  const { as, command } = asker;
  const { isFile, uid: owner } = refused;
  const { directory, modifiers } = resolved;
  if (command === undefined) return whoMay(refused, as.uid, fs);
  const { configDir, naming } = command;
  const isActing = fs.geteuid() !== as.uid;
  if (isActing && naming.serverUser === undefined) {
    const other = findOtherServer(resolved, as, configDir, fs);
    if (other !== undefined) return `${other.fact}. ${other.repair}`;
  }
  if (isActing && naming.serverUser !== undefined) {
    const better = isFile ? directory?.uid : owner; // a file's owner need not be able to replace it
    if (better !== as.uid && (better !== 0 || !isFile)) return otherIdentity(better, resolved, configDir, fs);
  }
  const server = isActing ? as.uid : findServer(configDir, naming.serverUser, fs, true)?.uid;
  const isTokensFile = basename(resolved.target) !== 'elasticsearch.yml';
  if (isFile && isTokensFile && as.uid === server && !may(as, refused, READ)) {
    const isOfThirdUser = ![0, as.uid].includes(owner) && modifiers.length > 0;
    const fix = checkFixCommand(naming, fs, isOfThirdUser);
    if (isOfThirdUser) return `Inspect the file; if it is the right one, repair it: ${fix}`;
    const isWritable = directory === undefined || may(as, directory, WRITE);
    return `${isWritable ? 'Repair it' : 'To change the file, run the command as root; to repair it'}: ${fix}`;
  }
  return isActing && owner !== as.uid
    ? `Inspect the file; if it is the right one, give it to [${userName(as.uid, fs)}] as root, with chown.`
    : whoMay(refused, as.uid, fs);
}

/** @param owner the owner of what refused the user of `--server-user` */
function otherIdentity(owner: number | undefined, resolved: ResolvedPath, configDir: string, fs: FileSystem) {
  if (!owner)
    return 'Name another user, or, if you trust every user who can change the path, use --trust-directory instead.';
  const isNeeded = ignoreFailure(() => [chooseIdentity(resolved, { configDir }, fs)]) === undefined;
  return `Use --server-user ${quote(userName(owner, fs))}${isNeeded ? '' : ', or leave the option out'}.`;
}
