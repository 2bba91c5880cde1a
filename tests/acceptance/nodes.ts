/** The proof that what ships runs on every Node that it is for: the library, and the original's recorded cases. */
import { spawnSync } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { LAUNCHER } from '../support/commands.js';
import { projectRoot } from '../support/fixtures.js';
import { call, installPackage, programs } from '../support/installation.js';

/** The oldest, and one of each later line. */
const VERSIONS = ['20.0.0', '22.23.3', '24.9.0'];

/** One on which the launcher says what it needs; it cannot parse what Node 20 can. */
const TOO_OLD = '12.22.12';

/** @returns the exit status */
export function runOnNodes(): number {
  const { status, stderr } = spawnSync(join(installNode(TOO_OLD), 'bin/node'), [LAUNCHER], {
    encoding: 'utf8',
  });
  if (status !== 69 || !stderr.startsWith('ERROR: Node 20 or later is needed')) {
    console.log(`FAILED Node ${TOO_OLD}: ${stderr}`);
    return 1;
  }
  const failed = VERSIONS.filter((version) => {
    try {
      runOn(version);
      return false;
    } catch (error) {
      console.log(`FAILED Node ${version}: ${(error as Error).message}`);
      return true;
    }
  });
  return failed.length === 0 ? 0 : 1;
}

function runOn(version: string): void {
  const directory = mkdtempSync(join(tmpdir(), 'nodes-'));
  chmodSync(directory, 0o755); // some cases run as another user
  try {
    const node = installNode(version);
    const env = { ...process.env, PATH: `${join(node, 'bin')}${delimiter}${process.env['PATH']}` };
    installPackage(directory);
    for (const [name, code] of Object.entries(programs)) {
      writeFileSync(join(directory, name), code);
      const said = call('node', [name], directory, env);
      if (said !== 'elastic/kibana\n') throw new Error(`${name} says ${said}`);
    }
    const tool = join(directory, 'node_modules/.bin/elasticsearch-service-tokens');
    const cases = call('node', ['fixtures/oracle/replay.mjs', tool], projectRoot, env);
    console.log(`Node ${call('node', ['--version'], directory, env).trim()}: ${cases.trim()}`);
  } finally {
    rmSync(directory, { recursive: true });
  }
}

/** Installs a Node of its own, once. @returns its directory */
function installNode(version: string): string {
  const name = `node-${process.platform}-${process.arch}`;
  const cache = join(projectRoot, 'node_modules/.cache', `node-${version}`);
  call(
    'npm',
    ['install', '--no-save', '--no-audit', '--prefer-offline', '--prefix', cache, `${name}@${version}`],
    projectRoot,
  );
  return join(cache, 'node_modules', name);
}
