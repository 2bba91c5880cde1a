/** The value of a setting: a list holds texts. */
export type SettingValue = string | readonly string[];

/** Why a placeholder could not be replaced. */
export type PlaceholderFault =
  | { readonly kind: 'unresolved' | 'circular'; readonly name: string }
  | { readonly kind: 'too deep' | 'too large' | 'too many'; readonly limit: number };

/** How many placeholders may lead from one to the next. */
const DEPTH_LIMIT = 1000;
/** How long a value may become by its placeholders, in characters. */
const LENGTH_LIMIT = 1024 * 1024;
/** How much all placeholders may put in together, in characters; what is replaced counts, too, and 16 for each. */
const WORK_LIMIT = 64 * 1024 * 1024;

/** As Java writes it: a list is `[a, b]`. */
export function textOf(value: SettingValue): string {
  return typeof value === 'string' ? value : `[${value.join(', ')}]`;
}

/**
 * Replaces `${name}` and `${name:default}` in every setting by other settings, from the innermost to the outermost, as
 * the server does: setting by setting in the order of their names, each one final before the next, and a text that
 * becomes empty is removed at once, so that those behind it no longer find it. `${prompt.x}` may stay.
 *
 * @param settings changed in place
 * @param fail called for the first placeholder that can't be replaced, with the name of the setting that holds it or
 *   leads to it
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

/** What a text becomes, and whether it becomes that wherever it is asked for. */
interface Replaced {
  readonly text: string;
  readonly always: boolean;
}

class Replacer {
  readonly #settings: ReadonlyMap<string, { readonly value: SettingValue }>;
  /** What settings become that are asked for before it is their turn. */
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
   * @param visited what the server remembers of the placeholders under way: each as it is written. It forgets them by
   *   their name, so that one with a default, or with another in its name, stays, and is a circle when it comes again.
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

/** Where the brace stands that closes the placeholder, others within it passed over; -1 where none does. */
function endOfPlaceholder(text: string, from: number): number {
  let open = 0;
  let next = text.indexOf('${', from);
  for (let end = text.indexOf('}', from); end >= 0; end = text.indexOf('}', end + 1)) {
    for (; next >= 0 && next < end; next = text.indexOf('${', next + 2)) open++;
    if (open-- === 0) return end;
  }
  return -1;
}
