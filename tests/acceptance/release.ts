/** The proofs of what is released. Each takes what the one before it has built. */
import { runOnNodes } from './nodes.js';
import { runPackages } from './packages.js';
import { runStandalone } from './standalone.js';

process.exitCode = runOnNodes() || runStandalone() || runPackages();
