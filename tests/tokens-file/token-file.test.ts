import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { expect, test } from '@jest/globals';
import { ServiceToken } from '../../src/token/token.js';
import { parseTokenName } from '../../src/token/token-name.js';
import { TokenFile } from '../../src/tokens-file/token-file.js';
import { failing, watchedFileSystem } from '../support/faulty-file-system.js';
import { testAsRoot } from '../support/needs.js';
import { temporaryDirectory } from '../support/temporary-directory.js';

const directory = temporaryDirectory();
const token = ServiceToken.mint('elastic/kibana', parseTokenName('a'));
const OPTIONS = {
  format: ({ bearer }: ServiceToken) => bearer,
  variable: undefined,
  owner: undefined,
  force: false,
};
const series = { key: token.qualifiedName, has: () => true };

testAsRoot('an owner that cannot be given is an error, and the token file stays as it is', async () => {
  const path = directory.write('token', 'T=\n');
  const options = { ...OPTIONS, variable: 'T', owner: '61008', series: undefined };
  const file = new TokenFile(path, options, failing('fchownSync', 'EPERM'));
  await expect(file.write(token).finally(() => file.close())).rejects.toMatchObject({
    code: 'PERMISSION',
    message: `could not give [${path}] its owner and group`,
  });
  expect(readFileSync(path, 'utf8')).toBe('T=\n');
  expect(statSync(path).uid).toBe(0);
});

test('a token file that is emptied while it waits to be written again gets its token back', async () => {
  const path = directory.write('token', `T=${token.bearer} # mine\n`);
  const { fs } = watchedFileSystem({ before: (_, name) => name === 'mkdirSync' && writeFileSync(path, '') });
  const file = new TokenFile(path, { ...OPTIONS, force: true, series }, fs);
  expect(await file.rewrite(false).finally(() => file.close())).toBe(true);
  expect(readFileSync(path, 'utf8')).toBe(token.bearer);
});
