#include "engine.h"

#include <algorithm>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "../borrowed.h"
#include "../convert.h"
#include "../error.h"
#include "../wrapped.h"
#include "plan/plan_reader.h"
#include "plan/weights_handle.h"
#include "run/jobs.h"
#include "run/js_executor.h"

namespace napi_torch {
namespace {

using engine::Job;
using engine::JobQueue;
using engine::JsExecutor;
using engine::Plan;
using engine::RunMemory;

constexpr int64_t kMaxThreads = 1024;  // As setNumThreads.
constexpr uint32_t kMaxPlans = 100'000;
constexpr int64_t kMaxRuns = 1'000'000;

// Made as the tag of tensors is: see handle.cc.
const napi_type_tag kEngineTag = {0x9a64c2f0d8e35b17, reinterpret_cast<uint64_t>(&kEngineTag)};
const napi_type_tag kPlanTag = {0x27f1b9de40c68a53, reinterpret_cast<uint64_t>(&kPlanTag)};

struct EngineHandle {
  std::shared_ptr<JsExecutor> executor;  // Null when disposed.
  std::shared_ptr<JobQueue> queue;
};

struct PlanHandle {
  std::shared_ptr<Plan> plan;  // Null when disposed.
};

EngineHandle& UnwrapEngine(Napi::Value value) { return Unwrap<EngineHandle>(value, kEngineTag, "an engine", "engine"); }

// A copy, as JavaScript that runs while the other arguments are read could dispose the engine.
EngineHandle LiveEngine(Napi::Value value) {
  EngineHandle handle = UnwrapEngine(value);
  if (handle.executor == nullptr) throw TorchError(value.Env(), "TORCH_ENGINE_CLOSED", "The engine is closed");
  return handle;
}

PlanHandle& UnwrapPlan(Napi::Value value, const std::string& name) {
  return Unwrap<PlanHandle>(value, kPlanTag, "a plan", name);
}

std::shared_ptr<Plan> LivePlan(Napi::Value value, const std::string& name) {
  const PlanHandle& handle = UnwrapPlan(value, name);
  if (handle.plan == nullptr) throw Expected(value.Env(), "a plan that is not disposed", name);
  return handle.plan;
}

std::vector<std::shared_ptr<Plan>> ReadPlans(Napi::Value value) {
  if (!value.IsArray() || value.As<Napi::Array>().Length() > kMaxPlans) {
    throw Expected(value.Env(), "an array of plans", "plans");
  }
  const Napi::Array array = value.As<Napi::Array>();
  std::vector<std::shared_ptr<Plan>> plans;
  for (uint32_t i = 0; i < array.Length(); ++i) {
    plans.push_back(LivePlan(array.Get(i), "plans[" + std::to_string(i) + "]"));
  }
  return plans;
}

// The memory of an array, which must have the size and the alignment that all plans together need.
Bytes ReadBuffer(const Arguments& args, size_t index, const char* name, size_t bytes, size_t alignment) {
  const Bytes memory = args.Bytes(index, name);
  if (memory.length != bytes) throw Expected(args.Env(), std::to_string(bytes) + " bytes", name);
  if (reinterpret_cast<uintptr_t>(memory.data) % alignment != 0) {
    throw Expected(args.Env(), "memory aligned for the dtype", name);
  }
  return memory;
}

struct Batch {
  std::vector<std::shared_ptr<Plan>> plans;
  Bytes input;
  Bytes output;
};

// The arguments (plans, input, output), from index `first` on.
Batch ReadBatch(const Napi::CallbackInfo& info, const Arguments& args, size_t first) {
  Batch batch{ReadPlans(info[first]), {}, {}};
  size_t input_bytes = 0;
  size_t output_bytes = 0;
  size_t input_alignment = 1;
  size_t output_alignment = 1;
  for (const std::shared_ptr<Plan>& plan : batch.plans) {
    input_bytes += plan->input_bytes();
    output_bytes += plan->output_bytes();
    input_alignment = std::max(input_alignment, plan->input_alignment());
    output_alignment = std::max(output_alignment, plan->output_alignment());
  }
  batch.input = ReadBuffer(args, first + 1, "input", input_bytes, input_alignment);
  batch.output = ReadBuffer(args, first + 2, "output", output_bytes, output_alignment);
  return batch;
}

// createEngine(threads, device): Engine
Napi::Value CreateEngine(const Napi::CallbackInfo& info) {
  const Arguments args(info, "createEngine");
  const int64_t threads = args.Integer(0, "threads");
  if (threads < 1 || threads > kMaxThreads) throw Expected(info.Env(), "an integer from 1 to 1024", "threads");
  const at::Device device = args.Device(1, "device");
  EngineHandle handle{JsExecutor::Of(info.Env(), static_cast<int>(threads), device), std::make_shared<JobQueue>()};
  return Wrap(info.Env(), std::move(handle), kEngineTag);
}

// disposeEngine(engine): releases the memory that its plans share, and ends the threads if no other engine has them, as
// soon as it has no unfinished job.
Napi::Value DisposeEngine(const Napi::CallbackInfo& info) {
  UnwrapEngine(info[0]) = {};
  return info.Env().Undefined();
}

// createPlan(spec): Plan
Napi::Value CreatePlan(const Napi::CallbackInfo& info) {
  return Wrap(info.Env(), PlanHandle{engine::ReadPlan(info[0])}, kPlanTag);
}

// disposePlan(plan): releases its memory as soon as no run uses it.
Napi::Value DisposePlan(const Napi::CallbackInfo& info) {
  UnwrapPlan(info[0], "plan").plan.reset();
  return info.Env().Undefined();
}

// engineBytes(engine): bytes that its plans hold beside their constants.
Napi::Value EngineBytes(const Napi::CallbackInfo& info) {
  const EngineHandle& handle = UnwrapEngine(info[0]);
  const int64_t bytes = handle.queue == nullptr ? 0 : handle.queue->memory().bytes();
  return Napi::Number::New(info.Env(), static_cast<double>(bytes));
}

double ReadId(const Arguments& args, size_t index) { return static_cast<double>(args.Integer(index, "id")); }

// The id of a new job, which no unfinished job of the executor has.
double ReadNewId(const Arguments& args, size_t index, const JsExecutor& executor) {
  const double id = ReadId(args, index);
  if (executor.IsPending(id)) throw Expected(args.Env(), "an id that no unfinished job has", "id");
  return id;
}

Napi::Value Completed(Napi::Env env, const Job& job) { return Napi::Boolean::New(env, !job.was_canceled); }

// preparePlan(engine, id, plan): Promise<boolean>
Napi::Value PreparePlan(const Napi::CallbackInfo& info) {
  const Arguments args(info, "preparePlan");
  const EngineHandle handle = LiveEngine(info[0]);
  const double id = ReadNewId(args, 1, *handle.executor);
  auto job = std::make_shared<engine::PrepareJob>(LivePlan(info[2], "plan"));
  return handle.executor->Submit(info.Env(), id, handle.queue, std::move(job), {}, Completed);
}

// runPlans(engine, id, plans, input, output): Promise<boolean>, false where it was canceled.
Napi::Value RunPlans(const Napi::CallbackInfo& info) {
  const Arguments args(info, "runPlans");
  const EngineHandle handle = LiveEngine(info[0]);
  const double id = ReadNewId(args, 1, *handle.executor);
  Batch batch = ReadBatch(info, args, 2);
  std::vector<BorrowedArray> borrowed;
  borrowed.emplace_back(info.Env(), batch.input, "the batch", BorrowedArray::Use::kRead);
  borrowed.emplace_back(info.Env(), batch.output, "the output", BorrowedArray::Use::kWrite);
  const RunMemory memory{borrowed[0].data(), borrowed[1].data()};
  auto job = std::make_shared<engine::RunJob>(std::move(batch.plans), memory);
  return handle.executor->Submit(info.Env(), id, handle.queue, std::move(job), std::move(borrowed), Completed);
}

// runPlansSync(engine, plans, input, output): blocks until the batch is done.
Napi::Value RunPlansSync(const Napi::CallbackInfo& info) {
  const EngineHandle handle = LiveEngine(info[0]);
  Batch batch = ReadBatch(info, Arguments(info, "runPlansSync"), 1);
  // JavaScript waits, and so cannot take the memory away.
  const RunMemory memory{batch.input.data, batch.output.data};
  const auto job = std::make_shared<engine::RunJob>(std::move(batch.plans), memory);
  handle.executor->RunNow(info.Env(), handle.queue, job);
  job->warnings.EmitTo(info.Env());
  if (job->failure != nullptr) std::rethrow_exception(job->failure);
  return info.Env().Undefined();
}

// planNote(plan): how a prepared plan runs on its device; empty for the CPU.
Napi::Value PlanNote(const Napi::CallbackInfo& info) {
  return Napi::String::New(info.Env(), LivePlan(info[0], "plan")->note());
}

// measurePlan(engine, id, plan, runs): Promise<number[] | false>, the median nanoseconds of each operation, or false
// where it was canceled.
Napi::Value MeasurePlan(const Napi::CallbackInfo& info) {
  const Arguments args(info, "measurePlan");
  const EngineHandle handle = LiveEngine(info[0]);
  const double id = ReadNewId(args, 1, *handle.executor);
  std::shared_ptr<Plan> plan = LivePlan(info[2], "plan");
  const int64_t runs = args.Integer(3, "runs");
  if (runs < 1 || runs > kMaxRuns) throw Expected(info.Env(), "an integer from 1 to 1000000", "runs");

  auto job = std::make_shared<engine::MeasureJob>(std::move(plan), runs);
  const auto result = [](Napi::Env env, const Job& done) -> Napi::Value {
    if (done.was_canceled) return Napi::Boolean::New(env, false);
    const std::vector<double> medians = static_cast<const engine::MeasureJob&>(done).Medians();
    Napi::Array array = Napi::Array::New(env, medians.size());
    for (size_t i = 0; i < medians.size(); ++i) array.Set(static_cast<uint32_t>(i), Napi::Number::New(env, medians[i]));
    return array;
  };
  return handle.executor->Submit(info.Env(), id, handle.queue, std::move(job), {}, result);
}

// cancelJob(engine, id): ends a job early, if it is not done yet.
Napi::Value CancelJob(const Napi::CallbackInfo& info) {
  const EngineHandle handle = UnwrapEngine(info[0]);
  const double id = ReadId(Arguments(info, "cancelJob"), 1);
  if (handle.executor != nullptr) handle.executor->Cancel(id);
  return info.Env().Undefined();
}

}  // namespace

void InitEngine(Napi::Env env, Napi::Object exports) {
  engine::InitWeights(env, exports);
  ExportForInference<CreateEngine>(env, exports, "createEngine");
  ExportForInference<DisposeEngine>(env, exports, "disposeEngine");
  ExportForInference<CreatePlan>(env, exports, "createPlan");
  ExportForInference<DisposePlan>(env, exports, "disposePlan");
  ExportForInference<EngineBytes>(env, exports, "engineBytes");
  ExportForInference<PreparePlan>(env, exports, "preparePlan");
  ExportForInference<RunPlans>(env, exports, "runPlans");
  ExportForInference<RunPlansSync>(env, exports, "runPlansSync");
  ExportForInference<PlanNote>(env, exports, "planNote");
  ExportForInference<MeasurePlan>(env, exports, "measurePlan");
  ExportForInference<CancelJob>(env, exports, "cancelJob");
}

}  // namespace napi_torch
