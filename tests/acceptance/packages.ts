/**
 * The proof that the packages can be installed: two builds in two directories give the same bytes, lintian and rpm find
 * no error, and each package is installed, creates a token, and is removed without a trace. It needs root and Debian.
 */
import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { projectRoot } from '../support/fixtures.js';
import { call } from '../support/installation.js';

const NAME = 'elasticsearch-service-tokens';
const { version } = JSON.parse(readFileSync(join(projectRoot, 'package.json'), 'utf8'));
const PLACES = [
  `bin/${NAME}`,
  `share/man/man1/${NAME}.1.gz`,
  `share/bash-completion/completions/${NAME}`,
  `share/zsh/vendor-completions/_${NAME}`,
  `share/fish/vendor_completions.d/${NAME}.fish`,
  `share/doc/${NAME}/copyright`,
].map((path) => `/usr/${path}`);

/** @returns the exit status */
export function runPackages(): number {
  const missing = ['dpkg-deb', 'lintian', 'rpmbuild', 'xz'].filter((tool) => !has(tool));
  if (process.getuid?.() !== 0 || process.arch !== 'x64' || missing.length > 0) {
    console.log(
      `packages: skipped, as they need root, x64 and dpkg, lintian, rpm, xz-utils; missing: ${missing}`,
    );
    return 0;
  }
  const directory = mkdtempSync(join(tmpdir(), 'packages-'));
  try {
    call(process.execPath, ['scripts/packages.mjs'], projectRoot); // npm run packages would remove dist
    const built = join(projectRoot, 'dist/packages');
    const steps = { buildAgain, checkDeb, checkRpm, checkTarball, checkImage };
    for (const [step, check] of Object.entries(steps)) {
      mkdirSync(join(directory, step));
      check(built, join(directory, step));
      console.log(`packages: ${step}: ok`);
    }
    return 0;
  } catch (error) {
    console.log(`FAILED packages: ${(error as Error).message}`);
    return 1;
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

function buildAgain(built: string, directory: string): void {
  const other = join(directory, 'a-longer-name');
  cpSync(projectRoot, other, {
    recursive: true,
    verbatimSymlinks: true,
    filter: (path) => path !== join(projectRoot, 'dist') && !/\/\.cache\/node-[^/]*$/.test(path),
  });
  const epoch = call('git', ['log', '-1', '--format=%ct'], projectRoot).trim();
  call('npm', ['run', 'packages'], other, { ...process.env, SOURCE_DATE_EPOCH: epoch });
  const sums = (packages: string) => readFileSync(join(packages, 'SHA256SUMS'), 'utf8');
  same(sums(join(other, 'dist/packages')), sums(built));
  call('sha256sum', ['--check', '--quiet', 'SHA256SUMS'], built);
}

function checkDeb(built: string, directory: string): void {
  for (const architecture of ['amd64', 'arm64']) {
    const { stdout } = spawnSync(
      'lintian',
      ['--allow-root', join(built, `${NAME}_${version}-1_${architecture}.deb`)],
      { encoding: 'utf8' },
    );
    same(stdout.match(/^E: .*/gm) ?? [], []);
  }
  if (existsSync(PLACES[0] ?? '')) throw new Error('the package is installed on this machine already');
  call('dpkg', ['-i', join(built, `${NAME}_${version}-1_amd64.deb`)], directory);
  try {
    same(
      PLACES.filter((path) => !existsSync(path)),
      [],
    );
    createToken(NAME, directory);
    const bash = `source ${PLACES[2]}; COMP_LINE='${NAME} rot' COMP_POINT=99; _${NAME.replaceAll('-', '_')}; echo "\${COMPREPLY[@]}"`;
    same(call('bash', ['-c', bash], directory), 'rotate\n');
    if (has('man')) call('man', ['-w', NAME], directory);
  } finally {
    call('dpkg', ['--purge', NAME], directory);
  }
  same([...PLACES, `/usr/share/doc/${NAME}`].filter(existsSync), []);
}

function checkRpm(built: string, directory: string): void {
  for (const architecture of ['x86_64', 'aarch64']) {
    const file = join(built, `${NAME}-${version}-1.${architecture}.rpm`);
    call('rpm', ['-K', file], directory);
    const files = call('rpm', ['-qlp', file], directory).split('\n');
    same(
      PLACES.filter((path) => !files.includes(path)),
      [],
    );
  }
  const rpm = (...args: string[]) =>
    call('rpm', ['--root', directory, '--force-debian', '--nodeps', ...args], directory);
  rpm('-i', join(built, `${NAME}-${version}-1.x86_64.rpm`));
  createToken(join(directory, PLACES[0] ?? ''), directory);
  rpm('-e', NAME);
  same(call('find', ['usr', '-name', `*${NAME}*`, '-not', '-path', 'usr/lib/*'], directory), '');
}

function checkTarball(built: string, directory: string): void {
  const release = `${NAME}-${version}-linux-x64`;
  call('tar', ['-xf', join(built, `${release}.tar.xz`)], directory);
  createToken(join(directory, release, PLACES[0] ?? ''), directory);
}

/** Runs the image as its user, without a container engine, whose kernel features may be missing. */
function checkImage(built: string, directory: string): void {
  call('tar', ['-xf', join(built, `${NAME}-${version}-linux-x64-oci.tar`)], directory);
  const read = (file: string) => JSON.parse(readFileSync(join(directory, file), 'utf8'));
  const blob = ({ digest }: { digest: string }) => `blobs/${digest.replace(':', '/')}`;
  const manifest = read(blob(read('index.json').manifests[0]));
  const { config } = read(blob(manifest.config));
  const root = join(directory, 'root');
  mkdirSync(join(root, 'proc'), { recursive: true });
  call('tar', ['-xf', join(directory, blob(manifest.layers[0])), '-C', root], directory);
  mkdirSync(join(root, 'conf'), { mode: 0o777 });
  call('chown', ['1000:1000', join(root, 'conf')], directory);
  const chroot = [`--userspec=${config.User}`, root, ...config.Entrypoint];
  const create = [...chroot, 'create', 'elastic/kibana', 'a', '--config-dir', '/conf'];
  // Without /proc, Bun aborts before anything of ours runs, as docs/standalone.md says.
  same(spawnSync('chroot', create).signal, 'SIGABRT');
  same(existsSync(join(root, 'conf/service_tokens')), false);
  call('mount', ['-t', 'proc', 'proc', join(root, 'proc')], directory);
  try {
    same(/^SERVICE_TOKEN elastic\/kibana\/a = /.test(call('chroot', create, directory)), true);
  } finally {
    call('umount', [join(root, 'proc')], directory);
  }
}

function createToken(tool: string, directory: string): void {
  const file = ['--file', join(directory, 'tokens')];
  call(tool, ['create', 'elastic/kibana', 'a', ...file], directory);
  same(call(tool, ['list', ...file], directory), 'elastic/kibana/a\n');
}

function has(tool: string): boolean {
  return spawnSync('sh', ['-c', `command -v ${tool}`]).status === 0;
}

function same(actual: unknown, expected: unknown): void {
  const [a, b] = [JSON.stringify(actual), JSON.stringify(expected)];
  if (a !== b) throw new Error(`it is ${a}, and should be ${b}`);
}
