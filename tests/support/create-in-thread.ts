/** A worker thread that creates tokens in one file at once, and reports failures: `workerData: { path, names }`. */
import { parentPort, workerData } from 'node:worker_threads';
import { parsePrincipal } from '../../src/accounts/known-accounts.js';
import { parseTokenName } from '../../src/token/token-name.js';
import { ServiceTokensFile } from '../../src/tokens-file/service-tokens-file.js';

const { path, names } = workerData as { path: string; names: readonly string[] };
const file = new ServiceTokensFile(path);
const ends = await Promise.allSettled(
  names.map((name) =>
    file.create(parsePrincipal('elastic/kibana'), parseTokenName(name), {
      algorithm: { scheme: 'pbkdf2', cost: 1_000 },
    }),
  ),
);
parentPort?.postMessage(ends.flatMap((end) => (end.status === 'rejected' ? [String(end.reason)] : [])));
