import { didYouMean } from '../config/did-you-mean.ts'
import type { Config } from '../config/server-options.ts'
import { usageFailure } from '../failure.ts'
import { PRESET_NAMES, type PresetName, type PresetSettings } from './preset.ts'

type Choices = Pick<Config, 'preset' | 'presetAuth' | 'presetLevel' | 'presets'>

/**
 * The presets that are configured: those of `--preset`, all at the root, or those of `presets`.
 * @throws Failure for an unknown name, a prefix that is none, or when both ways are used
 */
export function presetSettings({
  preset,
  presetAuth,
  presetLevel,
  presets,
}: Choices): readonly PresetSettings[] {
  if (preset.length > 0 && presets.length > 0) {
    throw usageFailure('preset and presets exclude each other: name all of them in presets.')
  }
  for (const { name, prefix } of presets) {
    if (!/^(?:\/[A-Za-z0-9._~-]+)*$/.test(prefix)) {
      throw usageFailure(
        `The prefix of the preset ${name} is a path such as /push, not ${JSON.stringify(prefix)}.`,
      )
    }
  }
  const atRoot = preset.map((name): PresetSettings => {
    return { name: presetName(name), prefix: '', level: presetLevel, auth: presetAuth, namespace: '' }
  })
  return [...atRoot, ...presets]
}

function presetName(name: string): PresetName {
  const known = PRESET_NAMES.find((candidate) => candidate === name)
  if (known) return known
  throw usageFailure(
    `There is no preset ${JSON.stringify(name)}: ${PRESET_NAMES.join(', ')}.${didYouMean(name, PRESET_NAMES)}`,
  )
}
