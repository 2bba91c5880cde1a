/** Command lines in messages, for copying. */

/** How a command line names the tokens file: by the options that the user gave. */
export interface Naming {
  readonly file?: string | undefined;
  readonly configDir?: string | undefined;
  readonly serverUser?: string | undefined;
  /** Whether only the caller and root can change the path of the file: another path is not repeated. */
  readonly isPrivate: boolean;
}

/** Returns a command line of this tool that works on the same file. */
export function commandLine(
  words: readonly string[],
  { file, configDir, serverUser, isPrivate }: Naming,
): string {
  const options = Object.entries({ '--file': file, '--config-dir': configDir });
  const given = options.flatMap(([flag, path]) => (path === undefined ? [] : [[flag, path] as const]));
  const user = serverUser === undefined ? [] : ['--server-user', serverUser];
  const command = ['elasticsearch-service-tokens', ...words, ...user].map(quote).join(' ');
  if (!isPrivate && given.length > 0)
    return `${command}, with the same ${given.map(([flag]) => flag).join(' and ')}`;
  return [command, ...given.flat().map(quote)].join(' ');
}

/** Quotes a word for the shell. */
export function quote(word: string): string {
  return /^[\w./@%+:-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}
