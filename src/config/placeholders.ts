/** The value of a setting. */
export type SettingValue = string | readonly string[];

/** Why a placeholder could not be replaced. */
export type PlaceholderFault =
  | { readonly kind: 'unresolved' | 'circular'; readonly name: string }
  | { readonly kind: 'too deep' | 'too large' | 'too many'; readonly limit: number };

/** The maximum depth of placeholders that lead to other placeholders. */
const DEPTH_LIMIT = 1000;
/** The maximum length of a value after its placeholders are replaced, in characters. */
const LENGTH_LIMIT = 1024 * 1024;
/** The maximum length of all placeholders and their replacements in total, in characters; each adds 16. */
const WORK_LIMIT = 64 * 1024 * 1024;

/** Formats a value as Java does: a list is `[a, b]`. */
export function textOf(value: SettingValue): string {
  return typeof value === 'string' ? value : `[${value.join(', ')}]`;
}

/**
 * Replaces `${name}` and `${name:default}` in every setting by other settings, innermost first, as the server does. The
 * settings are processed in the order of their names. A setting that becomes empty is removed at once, so that later
 * ones do not find it. `${prompt.x}` is left as it is.
 *
 * @param settings changed in place
 * @param fail called for the first placeholder that cannot be replaced, with the name of the setting that contains it
 *   or leads to it
 */
export function replacePlaceholders(
  settings: Map<string, { value: SettingValue }>,
  fail: (setting: string, fault: PlaceholderFault) => never,
): void {
  const replacer = new Replacer(settings);
  for (const name of [...settings.keys()].sort()) {
    const setting = settings.get(name);
    if (setting === undefined) continue;
    const failHere = (fault: PlaceholderFault) => fail(name, fault);
    const { value } = setting;
    setting.value =
      typeof value === 'string'
        ? replacer.replace(value, failHere)
        : value.map((text) => replacer.replace(text, failHere));
    if (setting.value === '') settings.delete(name);
  }
}

/** A replaced text, and whether the result is the same wherever the text occurs. */
interface Replaced {
  readonly text: string;
  readonly always: boolean;
}

class Replacer {
  readonly #settings: ReadonlyMap<string, { readonly value: SettingValue }>;
  /** The results for settings that others refer to before they are processed. */
  readonly #known = new Map<string, Replaced>();
  #work = 0;
  #fail: (fault: PlaceholderFault) => never = () => {
    throw new Error('no setting is being replaced');
  };

  constructor(settings: ReadonlyMap<string, { readonly value: SettingValue }>) {
    this.#settings = settings;
  }

  replace(text: string, fail: (fault: PlaceholderFault) => never): string {
    if (!text.includes('${')) return text;
    this.#fail = fail;
    return this.#replaceIn(text, new Set(), 0).text;
  }

  /**
   * @param visited the placeholders being replaced, as they are written. Like the server, this removes them by name, so
   *   that one with a default, or with a placeholder in its name, stays, and is a circular reference if it occurs
   *   again.
   */
  #replaceIn(text: string, visited: Set<string>, depth: number): Replaced {
    if (!text.includes('${')) return { text, always: true };
    if (depth > DEPTH_LIMIT) this.#fail({ kind: 'too deep', limit: DEPTH_LIMIT });
    const parts: string[] = [];
    let [length, always, from] = [0, true, 0];
    const add = (part: string) => {
      parts.push(part);
      length += part.length;
      if (length > LENGTH_LIMIT) this.#fail({ kind: 'too large', limit: LENGTH_LIMIT });
    };
    for (let start = text.indexOf('${'); start >= 0; start = text.indexOf('${', from)) {
      const end = endOfPlaceholder(text, start + 2);
      if (end < 0) break;
      const written = text.slice(start + 2, end);
      if (visited.has(written)) this.#fail({ kind: 'circular', name: written });
      visited.add(written);
      this.#spend(16 + written.length);
      const { text: whole } = this.#replaceIn(written, visited, depth + 1);
      const colon = whole.indexOf(':');
      const name = colon < 0 ? whole : whole.slice(0, colon);
      if (name !== written) always = false;
      const found =
        this.#lookUp(name, visited, depth) ??
        (colon < 0 ? undefined : this.#replaceIn(whole.slice(colon + 1), visited, depth + 1));
      if (found === undefined) {
        if (name.startsWith('prompt.')) return { text, always: false };
        this.#fail({ kind: 'unresolved', name });
      }
      this.#spend(found.text.length);
      if (!found.always) always = false;
      add(text.slice(from, start));
      add(found.text);
      visited.delete(name);
      from = end + 1;
    }
    add(text.slice(from));
    return { text: parts.join(''), always };
  }

  #spend(work: number): void {
    this.#work += work;
    if (this.#work > WORK_LIMIT) this.#fail({ kind: 'too many', limit: WORK_LIMIT });
  }

  #lookUp(name: string, visited: Set<string>, depth: number): Replaced | undefined {
    const setting = this.#settings.get(name);
    if (setting === undefined) return undefined;
    const known = this.#known.get(name);
    if (known !== undefined) return known;
    const replaced = this.#replaceIn(textOf(setting.value), visited, depth + 1);
    if (replaced.always) this.#known.set(name, replaced);
    return replaced;
  }
}

/** The offset of the brace that closes the placeholder, skipping nested ones; -1 if there is none. */
function endOfPlaceholder(text: string, from: number): number {
  let open = 0;
  let next = text.indexOf('${', from);
  for (let end = text.indexOf('}', from); end >= 0; end = text.indexOf('}', end + 1)) {
    for (; next >= 0 && next < end; next = text.indexOf('${', next + 2)) open++;
    if (open-- === 0) return end;
  }
  return -1;
}
