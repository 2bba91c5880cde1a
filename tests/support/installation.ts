/** The package as a user gets it: packed, and installed into an empty directory without running its scripts. */
import { type SpawnSyncReturns, spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { projectRoot } from './fixtures.js';

/** @param directory an empty directory @returns the files in the tarball */
export function installPackage(directory: string): string[] {
  // Scripts would rebuild dist, from which the tests run.
  const packed = call(
    'npm',
    ['pack', '--json', '--ignore-scripts', '--pack-destination', directory],
    projectRoot,
  );
  // An array or an object by name, depending on npm's version.
  const [report] = Object.values(
    JSON.parse(packed) as Record<string, { filename: string; files: { path: string }[] }>,
  );
  if (report === undefined) throw new Error(`npm pack says ${packed}`);
  writeFileSync(join(directory, 'package.json'), '{ "private": true }\n');
  call(
    'npm',
    ['install', '--ignore-scripts', '--offline', '--no-audit', join(directory, report.filename)],
    directory,
  );
  return report.files.map(({ path }) => path).sort();
}

/** Runs a program to its end. @returns its standard output @throws Error with its output if it fails */
export function call(program: string, args: readonly string[], cwd: string, env = process.env): string {
  const { status, stdout, stderr, error }: SpawnSyncReturns<string> = spawnSync(program, args, {
    cwd,
    env,
    encoding: 'utf8',
  });
  if (error !== undefined) throw error;
  if (status !== 0) throw new Error(`${program} ${args.join(' ')} ended with ${status}: ${stdout}${stderr}`);
  return stdout;
}

/** Uses each part of the library, including a watch and bcrypt. Prints `elastic/kibana`. */
const USE = `
async function use({ ServiceTokensFile, FileFollower, authenticate, parseAlgorithm, parsePrincipal, parseTokenName }) {
  const file = new ServiceTokensFile('service_tokens');
  const algorithm = parseAlgorithm('bcrypt4');
  const { token } = await file.create(parsePrincipal('elastic/kibana'), parseTokenName('a'), { algorithm });
  const follower = await FileFollower.open('service_tokens', { onReload() {} });
  const refusal = await authenticate(token, follower.entries);
  await file.delete(parsePrincipal('elastic/kibana'), parseTokenName('a'));
  await follower.close();
  console.log(refusal ?? token.principal);
}
`;

/** Programs that use the installed library, by file name. */
export const programs: Readonly<Record<string, string>> = {
  'import.mjs': `import * as library from 'elasticsearch-service-tokens';\n${USE}await use(library);\n`,
  'require.cjs': `${USE}use(require('elasticsearch-service-tokens'));\n`,
};
