/**
 * A process that runs a command and kills itself just before its Nth system call that changes something:
 *
 *     node command-and-kill.js N ARGUMENT...
 */
import { main, processIo } from '../../src/cli/main.js';
import { CHANGING_CALLS } from './changing-calls.js';
import { watchedFileSystem } from './faulty-file-system.js';

const [, , step = '', ...argv] = process.argv;
let changes = 0;
const { fs } = watchedFileSystem({
  before(_, call) {
    if (CHANGING_CALLS.has(call) && changes++ === Number(step)) process.kill(process.pid, 'SIGKILL');
  },
});
process.exitCode = await main(argv, processIo(), fs);
