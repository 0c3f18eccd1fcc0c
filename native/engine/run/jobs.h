// The kinds of jobs that engines submit.
#pragma once

#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "executor.h"

namespace napi_torch::engine {

// Runs a batch: each plan computes the samples that follow those of the plan before it.
class RunJob final : public Job {
 public:
  RunJob(std::vector<std::shared_ptr<Plan>> plans, const RunMemory& memory)
      : plans_(std::move(plans)), memory_(memory) {}

  bool Advance(const Resources& resources, const Interrupt& interrupt) override {
    if (next_ == plans_.size()) return false;
    Plan& plan = *plans_[next_++];
    was_canceled = !plan.Run(resources, memory_, interrupt);
    memory_.input = static_cast<const char*>(memory_.input) + plan.input_bytes();
    memory_.output = static_cast<char*>(memory_.output) + plan.output_bytes();
    return !was_canceled && next_ < plans_.size();
  }

 private:
  const std::vector<std::shared_ptr<Plan>> plans_;
  RunMemory memory_;
  size_t next_ = 0;
};

// Prepares a plan ahead of its first run.
class PrepareJob final : public Job {
 public:
  explicit PrepareJob(std::shared_ptr<Plan> plan) : plan_(std::move(plan)) {}

  bool Advance(const Resources& resources, const Interrupt& interrupt) override {
    was_canceled = !plan_->Prepare(resources, interrupt);
    return false;
  }

 private:
  const std::shared_ptr<Plan> plan_;
};

// Runs a plan repeatedly on zeros, and times each operation.
class MeasureJob final : public Job {
 public:
  MeasureJob(std::shared_ptr<Plan> plan, int64_t runs);

  bool Advance(const Resources& resources, const Interrupt& interrupt) override;

  // The median of each operation in nanoseconds, if the job was not canceled.
  std::vector<double> Medians() const;

 private:
  const std::shared_ptr<Plan> plan_;
  const int64_t runs_;
  at::Tensor input_;
  at::Tensor output_;
  // Run by run, the times of all operations.
  std::vector<int64_t> nanoseconds_;
  int64_t done_ = 0;
};

}  // namespace napi_torch::engine
