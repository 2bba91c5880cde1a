import { ServiceTokensError } from '../errors.js';

/** The maximum number of placeholders within each other, by nesting or by reference. */
const DEPTH_LIMIT = 100;
/** The maximum length of all placeholders and their values in total, in characters; each adds 16. */
const WORK_LIMIT = 1024 * 1024;

/**
 * Reads a setting, if it exists, and replaces `${name}` and `${name:default}` in it by other settings, innermost first.
 *
 * @param isShown whether the name of a placeholder may be shown in a message
 * @throws CONFIG if a placeholder refers to nothing or to itself, or if a limit is exceeded
 */
export function resolveSetting(
  settings: ReadonlyMap<string, string>,
  setting: string,
  isShown: (name: string) => boolean,
): string | undefined {
  let work = 0;
  const fail = (reason: string, hint?: string): never => {
    const message = `Failed to replace property placeholders of setting [${setting}]: ${reason}`;
    throw new ServiceTokensError('CONFIG', message, { hint });
  };
  const placeholder = (name: string) => (isShown(name) ? `placeholder '${name}'` : 'a placeholder');

  /** @param pending the names of the settings that led here, and an empty one for each nested placeholder */
  const replace = (text: string, pending: readonly string[]): string => {
    if (pending.length > DEPTH_LIMIT) fail(`placeholders are more than ${DEPTH_LIMIT} levels deep`);
    const parts: string[] = [];
    let from = 0;
    for (let start = text.indexOf('${'); start >= 0; start = text.indexOf('${', from)) {
      const end = endOfPlaceholder(text, start + 2);
      if (end < 0) break;
      const value = read(replace(text.slice(start + 2, end), [...pending, '']), pending);
      work += end - start + value.length + 16;
      if (work > WORK_LIMIT) fail(`placeholders and their values are longer than ${WORK_LIMIT} characters`);
      parts.push(text.slice(from, start), value);
      from = end + 1;
    }
    return parts.join('') + text.slice(from);
  };
  /** @param written a placeholder without its braces, `name` or `name:default` */
  const read = (written: string, pending: readonly string[]): string => {
    const colon = written.indexOf(':');
    const name = colon < 0 ? written : written.slice(0, colon);
    const found = settings.get(name);
    if (found !== undefined && pending.includes(name)) fail(`circular reference in ${placeholder(name)}`);
    const value = found === undefined ? undefined : replace(found, [...pending, name]);
    // The server processes the settings in the order of their names, and removes an empty one at once.
    const isRemoved = value === '' && name < setting;
    if (value !== undefined && !isRemoved) return value;
    if (colon >= 0) return replace(written.slice(colon + 1), [...pending, '']);
    return fail(
      `could not resolve ${placeholder(name)}`,
      `A placeholder refers to another setting or, in elasticsearch.yml and without a default, to an environment variable. To do without it: -E ${setting}=VALUE`,
    );
  };
  const own = settings.get(setting);
  return own === undefined ? undefined : replace(own, [setting]);
}

/** The offset of the brace that closes a placeholder, skipping nested ones; -1 if there is none. */
function endOfPlaceholder(text: string, from: number): number {
  let open = 0;
  let next = text.indexOf('${', from);
  for (let end = text.indexOf('}', from); end >= 0; end = text.indexOf('}', end + 1)) {
    for (; next >= 0 && next < end; next = text.indexOf('${', next + 2)) open++;
    if (open-- === 0) return end;
  }
  return -1;
}
