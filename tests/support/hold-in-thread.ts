/** A worker thread that takes the lock of a file, reports it, and keeps it: `workerData: { path }`. */
import { parentPort, workerData } from 'node:worker_threads';
import { withLock } from '../../src/disk/file-lock.js';
import { nodeFileSystem } from '../../src/disk/file-system.js';

const { path } = workerData as { path: string };
await withLock(nodeFileSystem, path, {}, () => {
  parentPort?.postMessage('held');
  return new Promise(() => setInterval(() => {}, 1_000));
});
