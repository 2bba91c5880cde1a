import type { Command } from './command.js';
export const watch: Command = async () => {
  throw new Error('not implemented yet');
};
