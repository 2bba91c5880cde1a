/** Plays a scene of the fuzz in a directory of its own, and says which promise a step breaks. */
import { spawn, spawnSync } from 'node:child_process';
import {
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { ExitCode } from '../../src/cli/exit-codes.js';
import { ServiceToken, ServiceTokensFile, verifySecret } from '../../src/index.js';
import { trim } from '../../src/java-text.js';
import { BIN } from '../support/commands.js';
import { BEARERS, type Scene, type Step } from './scene.js';

const isRoot = process.getuid?.() === 0;
const STRANGER = 60_001;
const PATIENCE_MS = 15_000;
const STATUSES: readonly (number | string)[] = Object.values(ExitCode).filter(
  (status) => status !== ExitCode.OS_ERROR,
);
/** Statuses without an error: an answer, or the end by a signal. */
const SILENT: readonly (number | string)[] = [0, 1, 129, 130, 143, 'SIGTERM', 'SIGINT', 'SIGHUP', 'SIGKILL'];
const BEARER = /AAEAA[\w+/]{20,}/g;
/** A token file: a token alone, or a variable among others. */
const TOKEN_FILE =
  /^AAEAA[\w+/]+\n?$|^[ \t]*(?:export[ \t]+)?[A-Za-z_]\w*=["']?AAEAA|^SERVICE_TOKEN \S+ = AAEAA|^kind: Secret$/m;
const LEFTOVER = /(?:^|\/)\.[^/]+\.(?:tmp|lock[^/]*)(?:\/|$)/;
const STACK = /\n\s+at .+:\d+|node:internal|\b(?:Type|Range|Syntax|Reference)Error\b|\[object /;

interface Outcome {
  readonly status: number | string;
  readonly stdout: string;
  readonly stderr: string;
}

/** @param seen counts the statuses @returns what was promised and does not hold, or undefined */
export async function play(
  scene: Scene,
  seen = new Map<number | string, number>(),
): Promise<string | undefined> {
  const directory = mkdtempSync(join(tmpdir(), 'service-tokens-fuzz-'));
  const user = isRoot && !scene.isRoot ? { uid: STRANGER, gid: STRANGER } : {};
  const secrets = new Set(BEARERS);
  try {
    build(directory, scene, user.uid);
    for (const [number, step] of scene.steps.entries()) {
      const before = contents(directory);
      const outcome = await run(directory, step, user);
      const after = contents(directory);
      seen.set(outcome.status, (seen.get(outcome.status) ?? 0) + 1);
      for (const text of [outcome.stdout, ...after.values()])
        for (const bearer of text.match(BEARER) ?? []) secrets.add(bearer);
      const broken =
        brokenBy(step, outcome, secrets) ?? (await brokenIn(directory, step, outcome, before, after));
      if (broken !== undefined) return `step ${number + 1}: ${broken}`;
    }
    return undefined;
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

function build(directory: string, { files }: Scene, uid: number | undefined): void {
  for (const [name, text] of Object.entries(files)) {
    const path = join(directory, name);
    mkdirSync(text === '/' ? path : dirname(path), { recursive: true });
    if (text.startsWith('-> ')) symlinkSync(text.slice(3), path);
    else if (text === '|') spawnSync('mkfifo', [path]);
    else if (text !== '/') writeFileSync(path, text, { mode: 0o600 });
  }
  if (uid !== undefined) spawnSync('chown', ['-Rh', `${uid}:${uid}`, directory]);
}

/** Runs a step to its end. @returns the status `hangs` if it has not ended after 15 seconds */
async function run(cwd: string, step: Step, user: { uid?: number; gid?: number }): Promise<Outcome> {
  const env = { PATH: process.env['PATH'], HOME: cwd, ES_PATH_CONF: 'conf', LC_ALL: 'C.UTF-8' };
  const child = spawn('sh', ['-c', `exec "$0" "$@" ${step.redirect}`, BIN, ...step.argv], {
    cwd,
    env,
    ...user,
  });
  let [stdout, stderr, hangs] = ['', '', false];
  child.stdout.on('data', (data) => (stdout += data));
  child.stderr.on('data', (data) => (stderr += data));
  child.stdin.on('error', () => {});
  child.stdin.end(step.stdin);
  if (step.isUnread) child.stdout.destroy();
  const closed = new Promise<number | string>((resolve) =>
    child.on('close', (code, signal) => resolve(code ?? signal ?? '')),
  );
  const timer = setTimeout(() => {
    hangs = true;
    child.kill('SIGKILL');
  }, PATIENCE_MS);
  if (step.signal !== undefined) {
    const [name, after] = step.signal;
    await Promise.race([closed, sleep(after)]);
    child.kill(name);
  }
  const status = await closed;
  clearTimeout(timer);
  return { status: hangs ? 'hangs' : status, stdout, stderr };
}

/** @returns the text of every regular file, by its path; '' for what is not one */
function contents(directory: string): Map<string, string> {
  const names = readdirSync(directory, { recursive: true, encoding: 'utf8' });
  const textOf = (path: string) => (lstatSync(path).isFile() ? readFileSync(path, 'utf8') : '');
  return new Map(names.map((name) => [name, textOf(join(directory, name))]));
}

/** What the outcome of a step breaks. */
function brokenBy(step: Step, { status, stdout, stderr }: Outcome, secrets: Set<string>): string | undefined {
  const { signal: [signal] = [''], argv, redirect } = step;
  if (!STATUSES.includes(status) && status !== signal) return `it ended with ${status}: ${stderr}`;
  if (STACK.test(stderr)) return `a stack trace or an internal value on stderr: ${stderr}`;
  const errors = stderr.match(/^ERROR: /gm)?.length ?? 0;
  // `verify` has an ERROR line per line of its input, and `inspect` says on stdout what is not a token, if it may and can.
  const isAnswer =
    SILENT.includes(status) ||
    redirect === '2>&-' ||
    (argv.includes('inspect') &&
      (stdout !== '' || redirect !== '' || argv.includes('-s') || argv.includes('--silent')));
  if (errors > 1 && !/^ERROR: line #/m.test(stderr)) return `${errors} ERROR lines: ${stderr}`;
  if (errors === 0 && !isAnswer) return `no ERROR line with status ${status}: ${stderr}`;
  const named = [...stderr.matchAll(/, with exit code (\d+)$/gm)].map(([, number]) => Number(number));
  // The original names no status where an option is unknown.
  if (errors > 0 && named.length > 0 && status !== signal && !named.includes(Number(status)))
    return `the error names status ${named}, not ${status}: ${stderr}`;
  for (const bearer of secrets) {
    const secret = ServiceToken.decode(bearer)?.secret ?? bearer;
    if (stderr.includes(bearer) || stderr.includes(secret)) return `a secret on stderr: ${stderr}`;
    const mayPrint = argv.some((arg) => ['create', 'rotate'].includes(arg)) || argv.includes(bearer);
    if (!mayPrint && (stdout.includes(bearer) || stdout.includes(secret)))
      return `a secret on stdout: ${stdout}`;
  }
  return undefined;
}

/** What the files after a step break. */
async function brokenIn(
  directory: string,
  { argv, redirect, isUnread }: Step,
  { status, stdout }: Outcome,
  before: Map<string, string>,
  after: Map<string, string>,
): Promise<string | undefined> {
  if (status === 'SIGKILL') return undefined; // what it leaves must not disturb the next step
  const leftover = [...after.keys()].find((name) => LEFTOVER.test(name) && !before.has(name));
  if (leftover !== undefined) return `${leftover} is left`;
  const changed = [...after].filter(([name, text]) => before.get(name) !== text && text !== '');
  const given = argv.includes('--dry-run') || redirect !== '' || isUnread ? [] : (stdout.match(BEARER) ?? []);
  const bearers =
    status === 0 && argv.some((arg) => ['create', 'ensure', 'rotate'].includes(arg)) ? [...given] : [];
  for (const [name, text] of changed) {
    if (TOKEN_FILE.test(text)) {
      const old: readonly string[] = before.get(name)?.match(BEARER) ?? []; // with --output env, other lines stay
      if (status === 0) bearers.push(...(text.match(BEARER) ?? []).filter((each) => !old.includes(each)));
      continue;
    }
    try {
      new ServiceTokensFile(join(directory, name)).list();
    } catch (error) {
      return `${name} was changed to what is neither a tokens file nor a token file: ${error}`;
    }
  }
  for (const bearer of bearers)
    if (!(await isAccepted(bearer, [stdout, ...after.values()])))
      return `a token that was given is not accepted: ${bearer}`;
  return undefined;
}

async function isAccepted(bearer: string, texts: readonly string[]): Promise<boolean> {
  const token = ServiceToken.decode(bearer);
  for (const text of texts) {
    const lines = text.split(/\r?\n/).map(trim);
    const line = lines.findLast((each) => each.startsWith(`${token?.qualifiedName}:`));
    const hash = line?.slice((token?.qualifiedName.length ?? 0) + 1);
    if (token && hash && (await verifySecret(token.secret, hash).catch(() => false))) return true;
  }
  return false;
}
