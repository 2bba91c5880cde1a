/** The tokens that the user gives to a command, on standard input or in `--token-file`. */
import { availableParallelism } from 'node:os';
import { dirname } from 'node:path';
import { chooseIdentity, type Purpose } from '../../access/identity.js';
import { readTrusted } from '../../access/trusted-read.js';
import { parsePrincipal } from '../../accounts/known-accounts.js';
import { MIN_SECRET_LENGTH } from '../../authenticate/authentication.js';
import type { HashSettings } from '../../config/settings.js';
import { readCallerDescriptor } from '../../disk/caller-descriptor.js';
import type { FileSystem } from '../../disk/file-system.js';
import { ServiceTokensError } from '../../errors.js';
import { hashSecrets } from '../../hash/hasher.js';
import { absolutePath } from '../../paths.js';
import { whyNotDecoded } from '../../token/token.js';
import { type GivenToken, tokensIn } from '../../token/token-forms.js';
import { explanations } from '../../token/token-kinds.js';
import type { QualifiedName } from '../../token/token-name.js';
import { usageError } from '../options.js';
import type { Terminal } from '../terminal.js';
import type { Invocation } from './command.js';
import { readStandardInput } from './read-tokens.js';
import { warnOfSettings } from './target.js';

const LIMIT = 16 * 1024 * 1024; // bytes: about 100,000 tokens
/** The length of a secret that this tool creates. */
export const GOOD_SECRET = 22;
const STEP = 100; // hashes between two reports of the progress

/**
 * Reads tokens in any form, and warns of what is around them. Each pass over the result reads the input anew, and needs
 * no more memory.
 *
 * @param purpose `copy` if what is printed or stored derives from the secrets
 */
export async function readGivenTokens({ args, options, io, terminal, fs }: Invocation, purpose: Purpose) {
  if (args.length > 0) {
    throw usageError(
      'A token is not accepted as an argument, which would be visible in process lists',
      'Write it to standard input, or name a file that holds it with --token-file.',
    );
  }
  const { tokenFile } = options;
  if (tokenFile === undefined) await terminal.ask('Enter tokens, one per line, and end with Ctrl-D:');
  const bytes =
    tokenFile === undefined
      ? await readStandardInput(io, LIMIT)
      : readInputFile(absolutePath(tokenFile, io), fs, purpose);
  const text = bytes.toString('utf8');
  let count = 0;
  let areTokens = true;
  const blemished = new Map<string, number>();
  for (const { token, around, line } of tokensIn(text)) {
    count++;
    areTokens &&= token !== undefined;
    if (around !== undefined && !blemished.has(around)) blemished.set(around, line);
  }
  if (count === 0) throw new ServiceTokensError('NOT_A_TOKEN', 'There is no token in the input');
  const areSeveral = count > 1;
  for (const [around, line] of blemished) {
    await terminal.warn([
      `${areSeveral ? `line #${line}: ` : ''}There is ${around} around the token`,
      'A consumer that sends the bytes of this text as they are is refused.',
    ]);
  }
  return { areSeveral, areTokens, [Symbol.iterator]: () => tokensIn(text) };
}

/** @param purpose a copy is refused where a change is: root must not be led to another file */
function readInputFile(path: string, fs: FileSystem, purpose: Purpose): Buffer {
  const passed = readCallerDescriptor(fs, path, LIMIT);
  if (passed !== undefined) return passed;
  const hint = 'Use sudo -u USER or docker exec -u USER, or give the content on standard input.';
  const options = { configDir: dirname(path), purpose, hint };
  const found = readTrusted(fs, path, LIMIT, {
    identityFor: (resolved) => (purpose === 'copy' ? chooseIdentity(resolved, options, fs) : undefined),
  });
  if (found !== undefined) return found.bytes;
  throw new ServiceTokensError('IO', `could not read [${path}]: it does not exist`);
}

/** The error for what is not a service account token. @param where its line */
export function notAToken({ bearer, kind }: GivenToken, where: string, { verbose }: Terminal) {
  const [fact, hint]: readonly [string, string?] = explanations[kind];
  const reason = verbose ? `The server refuses it, because ${whyNotDecoded(bearer)}.` : undefined;
  const hints = [hint, reason].filter((each) => each !== undefined);
  return new ServiceTokensError('NOT_A_TOKEN', `${where}${fact}`, { hint: hints.join(' ') || undefined });
}

/** Reads tokens and hashes their secrets on all cores. @returns hashes by qualified name; with `dryRun` they are empty */
export async function hashGivenTokens(
  invocation: Invocation,
  settings: HashSettings,
  dryRun = false,
): Promise<Map<QualifiedName, string>> {
  const { io, terminal } = invocation;
  const cores = availableParallelism();
  io.useThreads?.(cores); // before any input is read: libuv's pool keeps its first size
  const secrets = await readSecrets(invocation);
  const progress = (done: number) => {
    if (done % STEP === 0) terminal.progress(`${done} of ${secrets.size} tokens hashed`);
  };
  const hashes = dryRun ? [] : await hashSecrets([...secrets.values()], settings.algorithm, cores, progress);
  terminal.progress('');
  await warnOfSettings(settings, invocation);
  return new Map([...secrets.keys()].map((key, index) => [key, hashes[index] ?? '']));
}

/** Reads tokens that the server will accept, and warns of short secrets. @returns secrets by qualified name */
async function readSecrets(invocation: Invocation): Promise<Map<QualifiedName, string>> {
  const { version, terminal } = invocation;
  const secrets = new Map<QualifiedName, string>();
  for (const given of await readGivenTokens(invocation, 'copy')) {
    const where = `line #${given.line}: `;
    if (given.token === undefined) throw notAToken(given, where, terminal);
    const { principal, qualifiedName: key, secret } = given.token;
    parsePrincipal(principal, version);
    if (secrets.get(key) === secret) continue; // two variables may hold it
    if (secrets.has(key)) throw usageError(`${where}service token [${key}] has another secret before`);
    const fact = (length: number) => `${where}the secret of [${key}] has fewer than ${length} characters`;
    if (secret.length < MIN_SECRET_LENGTH) {
      const hint = 'The server refuses it.';
      throw new ServiceTokensError('NOT_A_TOKEN', fact(MIN_SECRET_LENGTH), { hint });
    }
    if (secret.length < GOOD_SECRET) await terminal.warn([fact(GOOD_SECRET)]);
    secrets.set(key, secret);
  }
  return secrets;
}
