#include "plan.h"

#include <ATen/ops/from_blob.h>
#include <c10/util/ScopeExit.h>

#include <atomic>
#include <chrono>
#include <functional>
#include <numeric>

namespace napi_torch::engine {
namespace {

// On a GPU, the first run selects algorithms and allocates the memory that the second one reuses.
constexpr int kWarmRuns = 2;

size_t BytesOf(const std::vector<int64_t>& sizes, at::ScalarType dtype) {
  const int64_t count = std::accumulate(sizes.begin(), sizes.end(), int64_t{1}, std::multiplies<>());
  return static_cast<size_t>(count) * c10::elementSize(dtype);
}

}  // namespace

Plan::Plan(PlanDefinition definition)
    : definition_(std::move(definition)),
      input_bytes_(BytesOf(definition_.values[definition_.input].sizes, definition_.values[definition_.input].dtype)),
      output_bytes_(BytesOf(definition_.values[definition_.output].sizes, definition_.output_dtype)) {
  for (const std::unique_ptr<Step>& step : definition_.steps) operations_ += step->operations();
  for (size_t i = 0; i < definition_.values.size(); ++i) {
    state_.values.emplace_back();
    transient_.push_back(i);
  }
  if (definition_.device) {
    const PlanDefinition::Value& input = definition_.values[definition_.input];
    stage_ = std::make_unique<DeviceStage>(*definition_.device, input.sizes, input.dtype);
  }
}

size_t Plan::input_alignment() const { return c10::elementSize(definition_.values[definition_.input].dtype); }

size_t Plan::output_alignment() const { return c10::elementSize(definition_.output_dtype); }

std::string Plan::note() const {
  const std::lock_guard lock(note_mutex_);
  return note_;
}

bool Plan::Prepare(const Resources& resources, const Interrupt& interrupt) {
  state_.pool = &resources.pool;
  state_.memory = &resources.memory;
  state_.interrupt = &interrupt;
  if (is_prepared_) return true;
  std::optional<c10::StreamGuard> on_stream;
  if (stage_ != nullptr) on_stream.emplace(stage_->Open(resources.memory));
  for (const std::unique_ptr<Step>& step : definition_.preparation) {
    if (interrupt.Requested()) return false;
    step->Run(state_);
    Release(step->dead);
  }
  for (const std::unique_ptr<Step>& step : definition_.steps) {
    if (interrupt.Requested()) return false;
    step->Prepare(state_);
  }
  definition_.preparation.clear();
  // The values of the preparation stay for all runs.
  std::erase_if(transient_, [this](size_t value) { return state_.values[value].defined(); });
  if (stage_ != nullptr && !Warm(interrupt)) return false;
  is_prepared_ = true;
  return true;
}

bool Plan::Warm(const Interrupt& interrupt) {
  const auto clear = c10::make_scope_exit([this] { Release(transient_); });
  {
    const TuneScope tune(definition_.is_tuned);
    for (int run = 0; run < kWarmRuns; ++run) {
      if (!RunSteps(interrupt, nullptr)) return false;
    }
  }
  const std::atomic<bool> never{false};
  stage_->Record(*state_.memory, [this, &never] {
    RunSteps({never, never}, nullptr);
    return state_.values[definition_.output];
  });
  const std::lock_guard lock(note_mutex_);
  note_ = stage_->is_recorded() ? "recorded as a graph" : stage_->note();
  return true;
}

bool Plan::Run(const Resources& resources, const RunMemory& memory, const Interrupt& interrupt, int64_t* nanoseconds) {
  if (!Prepare(resources, interrupt)) return false;
  const auto clear = c10::make_scope_exit([this] { Release(transient_); });
  const BlockCache::Use use(resources.memory.blocks);
  const PlanDefinition::Value& input = definition_.values[definition_.input];
  const PlanDefinition::Value& output = definition_.values[definition_.output];
  std::optional<c10::StreamGuard> on_stream;
  if (stage_ == nullptr) {
    // No step writes to the input: lib/engine emits in-place operators only on values that a step has produced.
    state_.values[definition_.input] = at::from_blob(const_cast<void*>(memory.input), input.sizes, input.dtype);
  } else {
    on_stream.emplace(stage_->Open(resources.memory));
    stage_->Write(memory.input);
  }

  // A recorded graph runs as a whole, so its steps cannot be timed.
  const bool is_replayed = stage_ != nullptr && stage_->is_recorded() && nanoseconds == nullptr;
  if (!is_replayed && !RunSteps(interrupt, nanoseconds)) return false;

  const at::Tensor& result = is_replayed ? stage_->Replay() : state_.values[definition_.output];
  TORCH_CHECK(result.sizes() == at::IntArrayRef(output.sizes), "The plan produced ", result.sizes(),
              " where it declares ", at::IntArrayRef(output.sizes));
  if (stage_ == nullptr) {
    at::from_blob(memory.output, output.sizes, definition_.output_dtype).copy_(result);
  } else {
    stage_->Read(result, memory.output, definition_.output_dtype);
  }
  return true;
}

// Returns false where it was interrupted.
bool Plan::RunSteps(const Interrupt& interrupt, int64_t* nanoseconds) {
  using Clock = std::chrono::steady_clock;
  if (stage_ != nullptr) state_.values[definition_.input] = stage_->input();
  for (const std::unique_ptr<Step>& step : definition_.steps) {
    if (interrupt.Requested()) return false;
    const bool is_timed_here = nanoseconds != nullptr && step->operations() == 1;
    // A step returns before the GPU has finished its work.
    if (is_timed_here && stage_ != nullptr) stage_->Synchronize();
    const Clock::time_point start = is_timed_here ? Clock::now() : Clock::time_point();
    state_.nanoseconds = nanoseconds;
    step->Run(state_);
    if (is_timed_here && stage_ != nullptr) stage_->Synchronize();
    Release(step->dead);
    if (is_timed_here) {
      *nanoseconds = std::chrono::duration_cast<std::chrono::nanoseconds>(Clock::now() - start).count();
    }
    if (nanoseconds != nullptr) nanoseconds += step->operations();
  }
  return !interrupt.Requested();  // The last step may have ended early.
}

void Plan::Release(const std::vector<size_t>& values) {
  for (const size_t value : values) state_.values[value].reset();
}

}  // namespace napi_torch::engine
