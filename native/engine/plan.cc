#include "plan.h"

#include <ATen/ops/from_blob.h>
#include <c10/util/ScopeExit.h>

#include <atomic>
#include <chrono>
#include <functional>
#include <numeric>

namespace napi_torch::engine {
namespace {

// On another device the first run chooses algorithms, and takes memory that the second one finds.
constexpr int kWarmRuns = 2;

size_t BytesOf(const std::vector<int64_t>& sizes, at::ScalarType dtype) {
  const int64_t count = std::accumulate(sizes.begin(), sizes.end(), int64_t{1}, std::multiplies<>());
  return static_cast<size_t>(count) * c10::elementSize(dtype);
}

}  // namespace

Plan::Plan(PlanParts parts)
    : parts_(std::move(parts)),
      input_bytes_(BytesOf(parts_.values[parts_.input].sizes, parts_.values[parts_.input].dtype)),
      output_bytes_(BytesOf(parts_.values[parts_.output].sizes, parts_.output_dtype)) {
  for (const std::unique_ptr<Step>& step : parts_.steps) operations_ += step->operations();
  for (size_t i = 0; i < parts_.values.size(); ++i) {
    frame_.values.emplace_back();
    transient_.push_back(i);
  }
  if (parts_.device) {
    const PlanParts::Value& input = parts_.values[parts_.input];
    stage_ = std::make_unique<DeviceStage>(*parts_.device, input.sizes, input.dtype);
  }
}

size_t Plan::input_alignment() const { return c10::elementSize(parts_.values[parts_.input].dtype); }

size_t Plan::output_alignment() const { return c10::elementSize(parts_.output_dtype); }

std::string Plan::note() const {
  const std::lock_guard lock(note_mutex_);
  return note_;
}

bool Plan::Prepare(const Workplace& workplace, const Interrupt& interrupt) {
  frame_.pool = &workplace.pool;
  frame_.memory = &workplace.memory;
  frame_.interrupt = &interrupt;
  if (is_prepared_) return true;
  std::optional<c10::StreamGuard> on_stream;
  if (stage_ != nullptr) on_stream.emplace(stage_->Open(workplace.memory));
  for (const std::unique_ptr<Step>& step : parts_.preparation) {
    if (interrupt.Requested()) return false;
    step->Run(frame_);
    Let(step->dead);
  }
  for (const std::unique_ptr<Step>& step : parts_.steps) {
    if (interrupt.Requested()) return false;
    step->Prepare(frame_);
  }
  parts_.preparation.clear();
  // What has been made now stays.
  std::erase_if(transient_, [this](size_t value) { return frame_.values[value].defined(); });
  if (stage_ != nullptr && !Warm(interrupt)) return false;
  is_prepared_ = true;
  return true;
}

bool Plan::Warm(const Interrupt& interrupt) {
  const auto clear = c10::make_scope_exit([this] { Let(transient_); });
  {
    const TuneScope tune(parts_.is_tuned);
    for (int run = 0; run < kWarmRuns; ++run) {
      if (!RunSteps(interrupt, nullptr)) return false;
    }
  }
  const std::atomic<bool> never{false};
  stage_->Record(*frame_.memory, [this, &never] {
    RunSteps({never, never}, nullptr);
    return frame_.values[parts_.output];
  });
  const std::lock_guard lock(note_mutex_);
  note_ = stage_->is_recorded() ? "recorded as a graph" : stage_->note();
  return true;
}

bool Plan::Run(const Workplace& workplace, const Buffers& buffers, const Interrupt& interrupt, int64_t* nanoseconds) {
  if (!Prepare(workplace, interrupt)) return false;
  const auto clear = c10::make_scope_exit([this] { Let(transient_); });
  const BlockCache::Use use(workplace.memory.blocks);
  const PlanParts::Value& input = parts_.values[parts_.input];
  const PlanParts::Value& output = parts_.values[parts_.output];
  std::optional<c10::StreamGuard> on_stream;
  if (stage_ == nullptr) {
    // Nothing writes there: a step that worked in place on its input would have to own it.
    frame_.values[parts_.input] = at::from_blob(const_cast<void*>(buffers.input), input.sizes, input.dtype);
  } else {
    on_stream.emplace(stage_->Open(workplace.memory));
    stage_->Write(buffers.input);
  }

  // The times of steps are to be had of steps alone.
  const bool is_replayed = stage_ != nullptr && stage_->is_recorded() && nanoseconds == nullptr;
  if (!is_replayed && !RunSteps(interrupt, nanoseconds)) return false;

  const at::Tensor& result = is_replayed ? stage_->Replay() : frame_.values[parts_.output];
  TORCH_CHECK(result.sizes() == at::IntArrayRef(output.sizes), "The plan made ", result.sizes(), " where it promised ",
              at::IntArrayRef(output.sizes));
  if (stage_ == nullptr) {
    at::from_blob(buffers.output, output.sizes, parts_.output_dtype).copy_(result);
  } else {
    stage_->Read(result, buffers.output, parts_.output_dtype);
  }
  return true;
}

// False where it was interrupted.
bool Plan::RunSteps(const Interrupt& interrupt, int64_t* nanoseconds) {
  using Clock = std::chrono::steady_clock;
  if (stage_ != nullptr) frame_.values[parts_.input] = stage_->input();
  for (const std::unique_ptr<Step>& step : parts_.steps) {
    if (interrupt.Requested()) return false;
    const bool is_timed_here = nanoseconds != nullptr && step->operations() == 1;
    // A device is still at what it was asked for when a step returns.
    if (is_timed_here && stage_ != nullptr) stage_->Synchronize();
    const Clock::time_point start = is_timed_here ? Clock::now() : Clock::time_point();
    frame_.nanoseconds = nanoseconds;
    step->Run(frame_);
    if (is_timed_here && stage_ != nullptr) stage_->Synchronize();
    Let(step->dead);
    if (is_timed_here) {
      *nanoseconds = std::chrono::duration_cast<std::chrono::nanoseconds>(Clock::now() - start).count();
    }
    if (nanoseconds != nullptr) nanoseconds += step->operations();
  }
  return !interrupt.Requested();  // The last step may have ended early.
}

void Plan::Let(const std::vector<size_t>& values) {
  for (const size_t value : values) frame_.values[value].reset();
}

}  // namespace napi_torch::engine
