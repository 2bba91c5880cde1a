/**
 * The proof that the standalone executable behaves as the command does: the original's recorded cases, the tests that
 * run the real command, those of root's layouts among them, and that it runs nothing from the current directory.
 */
import { spawnSync } from 'node:child_process';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { projectRoot } from '../support/fixtures.js';
import { call } from '../support/installation.js';

/** The test files that run the command as a process of its own. */
const TESTS = ['cli/bin', 'cli/processes', 'cli/watch', 'access/layouts', 'access/identity', 'disk/mounts'];

/** @returns the exit status */
export function runStandalone(): number {
  if (process.platform !== 'linux') {
    console.log('standalone executable: skipped, as it needs Linux');
    return 0;
  }
  call(process.execPath, ['scripts/standalone.mjs'], projectRoot);
  const tool = join(projectRoot, `dist/standalone/elasticsearch-service-tokens-linux-${process.arch}`);
  const cases = spawnSync(process.execPath, ['fixtures/oracle/replay.mjs', tool], {
    cwd: projectRoot,
    encoding: 'utf8',
  });
  console.log(`standalone executable: ${cases.stdout.trim()}`);
  const tests = runTests(tool);
  const leaks = runInHostileDirectory(tool);
  for (const leak of leaks) console.log(`FAILED the standalone executable ${leak}`);
  return cases.status || tests || leaks.length;
}

function runTests(tool: string): number {
  const jest = ['--experimental-vm-modules', 'node_modules/jest/bin/jest.js', '--testTimeout=600000'];
  const env = { ...process.env, TESTED_COMMAND: tool, THOROUGH: '1', NODE_NO_WARNINGS: '1' };
  const files = TESTS.map((name) => `/${name}.test`);
  return (
    spawnSync(process.execPath, [...jest, ...files], { cwd: projectRoot, env, stdio: 'inherit' }).status ?? 1
  );
}

/** @returns what it should not do, but does */
function runInHostileDirectory(tool: string): string[] {
  const directory = mkdtempSync(join(tmpdir(), 'standalone-'));
  try {
    const files = {
      'bunfig.toml': 'preload = ["./loaded.js"]\n',
      'loaded.js': `require('node:fs').writeFileSync('${directory}/was-loaded', '');\n`,
      '.env': `ES_PATH_CONF=${directory}/other\n`,
      'tsconfig.json': '{ "compilerOptions": { "paths": { "*": ["./loaded.js"] } } }\n',
      'package.json': '{ "imports": { "#*": "./loaded.js" }, "type": "module" }\n',
      'home/config/elasticsearch.yml': '',
      'home/config/service_tokens': 'elastic/kibana/beside:{SHA}x\n',
    };
    for (const [name, content] of Object.entries(files)) {
      mkdirSync(dirname(join(directory, name)), { recursive: true });
      writeFileSync(join(directory, name), content);
    }
    mkdirSync(join(directory, 'home/bin'));
    const copy = join(directory, 'home/bin/tool');
    copyFileSync(tool, copy);
    const runThere = (args: readonly string[], input = '') =>
      spawnSync(copy, args, {
        cwd: directory,
        env: { PATH: process.env['PATH'] },
        encoding: 'utf8',
        input,
      }).stdout;
    const stdout = runThere(['list']);
    // A thread computes bcrypt; its code must be in the executable.
    const bearer = 'AAEAAWVsYXN0aWMva2liYW5hL2s6MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMQ';
    const bcrypt = '-Expack.security.authc.service_token_hashing.algorithm=bcrypt4';
    const line = runThere(['hash', bcrypt], bearer);
    return [
      ...(/^elastic\/kibana\/k:\$2a\$04\$/.test(line) ? [] : ['cannot hash with bcrypt']),
      ...(readFileSync(tool).includes(`file://${projectRoot}`) ? ['loads code from where it was built'] : []),
      ...(existsSync(join(directory, 'was-loaded')) ? ['runs code from the current directory'] : []),
      ...(stdout === 'elastic/kibana/beside\n' ? [] : ['does not find the directory config beside its own']),
    ];
  } finally {
    rmSync(directory, { recursive: true });
  }
}
