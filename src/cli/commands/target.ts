import type { Naming } from '../../access/printed-command.js';
import type { ResolvedPath } from '../../access/resolved-path.js';
import { findServer } from '../../access/server-access.js';
import type { Reader } from '../../access/trusted-read.js';
import { findConfigDir, findHome } from '../../config/config-dir.js';
import { findHashSettings, type HashSettings } from '../../config/settings.js';
import { readSettingsFile } from '../../config/settings-file.js';
import { MAX_FILE_BYTES } from '../../disk/atomic-file.js';
import { ignoreFailure } from '../../disk/file-system.js';
import { attributeWarnings } from '../../tokens-file/attribute-warnings.js';
import { applyEdit, type Change, type Edit, type EntryStore } from '../../tokens-file/entry-store.js';
import { streamedTokens } from '../../tokens-file/streamed-tokens.js';
import { tokensFileTransaction } from '../../tokens-file/tokens-file-transaction.js';
import { conflictingOptions, usageError } from '../options.js';
import type { Invocation } from './command.js';
import { readStandardInput, STANDARD_INPUT, STREAM } from './read-tokens.js';
import { identityChooser, openServerPaths } from './server-paths.js';

/** The tokens that a command changes: in the tokens file, or with `--file -` in standard input. */
export interface Target {
  readonly isStream: boolean;
  /** The name of the tokens file in messages. */
  readonly path: string;
  /** Undefined for a stream. */
  readonly resolved: ResolvedPath | undefined;
  readonly naming: Naming;
  hashSettings(): HashSettings;
  inStore<T>(work: (store: EntryStore) => Promise<T>): Promise<T>;
  /** Warns if the file's attributes have changed or the server cannot read it. */
  warnOf(change: Change | undefined): Promise<void>;
}

/** Opens the tokens to change. @throws as `openServerPaths` does; USAGE for options that cannot be used with a stream */
export function openTarget(invocation: Invocation): Promise<Target> {
  return invocation.options.file === STREAM ? openStream(invocation) : openFile(invocation);
}

async function openFile(invocation: Invocation): Promise<Target> {
  const { options, terminal, fs } = invocation;
  const { inPlace, trustDirectory, serverUser } = options;
  const paths = await openServerPaths(invocation, 'change');
  const { configDir, tokensFile: path, resolved, naming, otherServer, reader } = paths;
  return {
    isStream: false,
    path,
    resolved,
    naming,
    hashSettings: () => readHashSettings(configDir, reader, invocation),
    inStore: (work) =>
      paths.inTokensDir(({ fs, server }) => {
        const serverOf = () => server ?? findServer(configDir, serverUser, fs);
        const transaction = { inPlace, trustDirectory, findServer: serverOf };
        return work(tokensFileTransaction({ fs, resolved, path }, transaction));
      }),
    async warnOf(change) {
      if (change === undefined) return;
      if (otherServer !== undefined) await terminal.warn([otherServer.fact, otherServer.hint]);
      for (const warning of attributeWarnings(path, configDir, change, naming, fs))
        await terminal.warn(warning);
    },
  };
}

async function openStream(invocation: Invocation): Promise<Target> {
  const { options, io, terminal, fs } = invocation;
  const { file, configDir, inPlace, json, dryRun } = options;
  if (inPlace) throw usageError('Options --in-place and --file - exclude each other');
  if (json) throw conflictingOptions('--file -', '--json');
  const found = findConfigDir(options, io, fs);
  return {
    isStream: true,
    path: STANDARD_INPUT,
    resolved: undefined,
    naming: { file, configDir, isPrivate: true },
    hashSettings: () => readSettingsIn(found, invocation),
    async inStore(work) {
      if (terminal.stdoutFault !== undefined && !dryRun) throw terminal.stdoutFault; // the tokens file would be lost
      const bytes = await readStandardInput(io, MAX_FILE_BYTES);
      return work(
        streamedTokens(bytes, STANDARD_INPUT, async (chunks) => {
          for (const chunk of chunks) await terminal.answer(chunk);
        }),
      );
    },
    warnOf: async () => {},
  };
}

/** Applies an edit to the tokens, reports its result, and warns of what it did to the file. */
export async function applyTo<R>(
  target: Target,
  edit: Edit<R>,
  { options, io }: Invocation,
  report: (result: R) => Promise<void>,
): Promise<undefined> {
  const update = { signal: io.interrupted, dryRun: options.dryRun };
  const { result, change } = await target.inStore((store) => applyEdit(store, edit, update));
  await report(result);
  await target.warnOf(change);
}

export async function noteDeleted(keys: readonly string[], { options, terminal }: Invocation): Promise<void> {
  for (const key of keys)
    await terminal.note(`${options.dryRun ? 'Would delete' : 'Deleted'} service token [${key}]`);
}

/** Reads the settings for hashing of a command that has no tokens file. @param configDir as findConfigDir returns it */
export function readSettingsIn(configDir: string | undefined, invocation: Invocation): HashSettings {
  const { options, fs } = invocation;
  const choose = configDir === undefined ? undefined : identityChooser(options, configDir, 'read', fs);
  return readHashSettings(configDir, { identityFor: (file) => choose?.(file, true) }, invocation);
}

function readHashSettings(
  configDir: string | undefined,
  reader: Reader,
  { overrides, io, fs }: Invocation,
): HashSettings {
  // Only a placeholder needs the home, and the directory beside the tool may be closed to this user.
  const home = ignoreFailure(() => findHome(io, fs));
  const readFile = () => (configDir === undefined ? undefined : readSettingsFile(configDir, fs, reader));
  return findHashSettings(readFile, overrides, io.env, home);
}

export async function warnOfSettings(
  { algorithm, fipsMode }: HashSettings,
  { terminal }: Invocation,
): Promise<void> {
  if (fipsMode && algorithm.scheme === 'bcrypt') {
    await terminal.warn(['FIPS mode is enabled and requires PBKDF2, but this token was hashed with bcrypt']);
  }
}
