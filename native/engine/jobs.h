// What an engine has the executor do.
#pragma once

#include "executor.h"

namespace napi_torch::engine {

// Runs a batch: each plan takes the samples that follow those of the one before it.
class RunJob final : public Job {
 public:
  RunJob(std::vector<std::shared_ptr<Plan>> plans, const Buffers& buffers)
      : plans_(std::move(plans)), buffers_(buffers) {}

  bool Advance(const Workplace& workplace, const Interrupt& interrupt) override {
    if (next_ == plans_.size()) return false;
    Plan& plan = *plans_[next_++];
    was_cancelled = !plan.Run(workplace, buffers_, interrupt);
    buffers_.input = static_cast<const char*>(buffers_.input) + plan.input_bytes();
    buffers_.output = static_cast<char*>(buffers_.output) + plan.output_bytes();
    return !was_cancelled && next_ < plans_.size();
  }

 private:
  const std::vector<std::shared_ptr<Plan>> plans_;
  Buffers buffers_;
  size_t next_ = 0;
};

// Does what a plan has to do once.
class PrepareJob final : public Job {
 public:
  explicit PrepareJob(std::shared_ptr<Plan> plan) : plan_(std::move(plan)) {}

  bool Advance(const Workplace& workplace, const Interrupt& interrupt) override {
    was_cancelled = !plan_->Prepare(workplace, interrupt);
    return false;
  }

 private:
  const std::shared_ptr<Plan> plan_;
};

// Runs a plan again and again on data of its own, and takes the time of each operation.
class MeasureJob final : public Job {
 public:
  MeasureJob(std::shared_ptr<Plan> plan, int64_t runs);

  bool Advance(const Workplace& workplace, const Interrupt& interrupt) override;

  // Of each operation, the median in nanoseconds, if the job was not cancelled.
  std::vector<double> Medians() const;

 private:
  const std::shared_ptr<Plan> plan_;
  const int64_t runs_;
  at::Tensor input_;
  at::Tensor output_;
  // Run by run, those of all operations.
  std::vector<int64_t> nanoseconds_;
  int64_t done_ = 0;
};

}  // namespace napi_torch::engine
