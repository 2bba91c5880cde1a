/**
 * A process that creates a token and sends itself a signal just before its Nth system call that changes something:
 *
 *     node create-and-signal.js FILE NAME N SIGNAL
 *
 * It prints the token's name when it is delivered, and exits as the command would.
 */

import { parsePrincipal } from '../../src/accounts/known-accounts.js';
import { statusOf } from '../../src/cli/exit-codes.js';
import { processIo } from '../../src/cli/process-io.js';
import { ServiceTokensError } from '../../src/errors.js';
import { parseTokenName } from '../../src/token/token-name.js';
import { ServiceTokensFile } from '../../src/tokens-file/service-tokens-file.js';
import { CHANGING_CALLS } from './changing-calls.js';
import { watchedFileSystem } from './faulty-file-system.js';

const [, , path = '', name = '', step = '', signal = ''] = process.argv;
const io = processIo();
let changes = 0;
const { fs } = watchedFileSystem({
  before(_, call) {
    if (CHANGING_CALLS.has(call) && changes++ === Number(step)) process.kill(process.pid, signal);
  },
});
try {
  await new ServiceTokensFile(path, { fs, trustDirectory: true }).create(
    parsePrincipal('elastic/kibana'),
    parseTokenName(name),
    {
      algorithm: { scheme: 'pbkdf2', cost: 1_000 },
      signal: io.interrupted,
      deliver: (token) => io.stdout.write(`${token.name}\n`),
    },
  );
} catch (error) {
  if (!(error instanceof ServiceTokensError)) throw error;
  process.exitCode = statusOf[error.code];
}
