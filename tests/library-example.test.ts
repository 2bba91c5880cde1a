/** The program in docs/library.md runs unchanged, with the package in node_modules. */
import { spawn } from 'node:child_process';
import { mkdirSync, readFileSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { expect, test } from '@jest/globals';
import { parsePrincipal, parseTokenName, ServiceTokensFile } from '../src/index.js';
import { projectRoot } from './support/fixtures.js';
import { temporaryDirectory } from './support/temporary-directory.js';

const directory = temporaryDirectory();

test('the server accepts only service accounts, and accepts a new token without a restart', async () => {
  const program = /```js\n(.*?)```/s.exec(readFileSync(join(projectRoot, 'docs/library.md'), 'utf8'))?.[1];
  const script = directory.write('guard.mjs', program ?? '');
  mkdirSync(join(directory.path, 'node_modules'));
  symlinkSync(projectRoot, join(directory.path, 'node_modules/elasticsearch-service-tokens'));
  const file = new ServiceTokensFile(join(directory.mkdir('config'), 'service_tokens'));
  const create = (name: string) => file.create(parsePrincipal('elastic/kibana'), parseTokenName(name));
  const first = await create('first');
  const welcome = { status: 200, text: 'hello elastic/kibana\n' };

  const server = spawn(process.execPath, [script], {
    cwd: directory.path,
    env: { ...process.env, PORT: '0' },
  });
  const ended = new Promise((resolve) => server.on('close', resolve));
  const lines = (stream: NodeJS.ReadableStream) => createInterface(stream)[Symbol.asyncIterator]();
  const [stdout, stderr] = [lines(server.stdout), lines(server.stderr)];
  try {
    const port = (await stdout.next()).value;
    const ask = async (authorization?: string) => {
      const headers = authorization === undefined ? {} : { authorization };
      const response = await fetch(`http://127.0.0.1:${port}/`, { headers });
      return { status: response.status, text: await response.text() };
    };
    expect(await ask(`Bearer ${first.token.bearer}`)).toEqual(welcome);
    expect(await ask(`Bearer ${first.token.bearer}A`)).toEqual({ status: 401, text: '' });
    expect(await ask()).toEqual({ status: 401, text: '' });

    const second = await create('second');
    expect((await stderr.next()).value).toContain("added: [ 'elastic/kibana/second' ]");
    expect(await ask(`Bearer ${second.token.bearer}`)).toEqual(welcome);
  } finally {
    server.kill();
    await ended;
  }
}, 30_000);
