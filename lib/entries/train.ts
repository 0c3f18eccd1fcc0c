// What `napi-torch/train` exports: training a model for classes of one's own.

export { finetune } from '../train/finetune.js'
export { FINETUNE_PHASES } from '../train/options.js'
export type {
  FinetuneEpoch,
  FinetuneOptions,
  FinetunePhase,
  FinetuneProgress,
  FinetuneResult,
} from '../train/options.js'
