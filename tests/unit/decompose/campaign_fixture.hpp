/// Runs campaigns, and prints their tables so that they can be compared.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <boost/mpi/collectives.hpp>
#include <boost/serialization/string.hpp>
#include <boost/serialization/vector.hpp>
#include <optional>
#include <string>
#include <vector>

#include "orbitmill/decompose/campaign.hpp"
#include "orbitmill/register/symmetry.hpp"

namespace orbitmill {

class CampaignTest : public testing::Test {
 protected:
  CampaignResult run(Campaign& campaign, std::optional<bool> everybody, std::uint64_t batch = 0) {
    ScheduleOptions schedule;
    schedule.batch_size = batch;
    if (batch > 0) schedule.mode = ScheduleMode::stealing;
    return run(campaign, everybody, comm_, schedule);
  }

  CampaignResult run(Campaign& campaign, std::optional<bool> everybody,
                     const boost::mpi::communicator& comm, const ScheduleOptions& schedule) {
    Scheduler scheduler(comm, pool_, schedule);
    CampaignOptions options;
    options.force_everybody = everybody;
    options.by_everybody = [&](const Register& reg) {
      return decompose_by_leaders(reg, {false, 0}, scheduler);
    };
    return run_campaign(campaign, scheduler, options);
  }

  std::vector<std::string> table(const CampaignResult& result) { return table(result, comm_); }

  /// All rows on every rank, in order, without what is exempt from equality.
  static std::vector<std::string> table(const CampaignResult& result,
                                        const boost::mpi::communicator& comm) {
    std::vector<std::string> own, all;
    for (std::size_t i = 0; i < result.rows.rows.size(); ++i) {
      const CampaignRow row = result.rows.rows[i];
      std::string text(row.canonical);
      text += '|';
      text += row.asked;
      text += '|';
      text += name_of(row.verdict);
      for (const std::uint64_t value :
           {std::uint64_t{row.certified}, row.longest_cycle, row.cycles, row.checksum}) {
        text += ' ' + std::to_string(value);
      }
      for (const HistogramEntry& entry : row.histogram) {
        text += ' ' + std::to_string(entry.length) + ':' + std::to_string(entry.count);
      }
      own.push_back(text + '|' + std::string(row.reason.substr(0, 40)));
    }
    std::vector<std::vector<std::string>> gathered;
    boost::mpi::all_gather(comm, own, gathered);
    for (const auto& part : gathered) all.insert(all.end(), part.begin(), part.end());
    EXPECT_EQ(all.size(), result.rows.total_rows);
    EXPECT_TRUE(std::ranges::is_sorted(all));
    return all;
  }

  static void add(Campaign& campaign, const Register& reg) {
    campaign.list.add(register_key(reg.field().order(), reg.length(),
                                   canonical_feedback(reg.feedback(), reg.length(), reg.field())),
                      register_key(reg.field().order(), reg.length(), reg.feedback()));
  }

  boost::mpi::communicator comm_;
  WorkerPool pool_{2};
};

}  // namespace orbitmill
