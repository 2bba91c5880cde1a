import { requireInteger, requireObject, requireString } from '../require.js';

/** A release line of Elasticsearch: the accounts differ between minor versions, never between patches. */
export interface ElasticsearchVersion {
  readonly major: number;
  readonly minor: number;
}

/**
 * Reads `X.Y`, `X.Y.Z` or `X.Y.Z-SNAPSHOT`.
 *
 * @returns the version, or undefined if the text is not a version
 * @throws USAGE if the argument is not a string
 *
 * @example parseVersion('8.16.1') // { major: 8, minor: 16 }
 */
export function parseVersion(text: string): ElasticsearchVersion | undefined {
  requireString(text, 'version');
  const match = /^(\d{1,3})\.(\d{1,3})(?:\.\d{1,3}(?:-[\w.-]+)?)?$/.exec(text);
  return match ? { major: Number(match[1]), minor: Number(match[2]) } : undefined;
}

/** @throws USAGE for anything but undefined or a version */
export function requireVersion(value: unknown): void {
  if (value === undefined) return;
  requireObject(value, 'version');
  const { major, minor } = value as Partial<ElasticsearchVersion>;
  requireInteger(major, 'version.major');
  requireInteger(minor, 'version.minor');
}

/** Whether `version` is `other` or later. */
export function isAtLeast(version: ElasticsearchVersion, other: ElasticsearchVersion): boolean {
  return version.major > other.major || (version.major === other.major && version.minor >= other.minor);
}

export function formatVersion({ major, minor }: ElasticsearchVersion): string {
  return `${major}.${minor}`;
}
